#pragma once
// Kernels of black_box.h over lines of points, compiled per CPU level (black_box.level.cpp). Every
// point is computed by the same operations on any level, without fused ones: bits are the same.

#include "core/cpu_level.h"
#include "multigrid/stencil_view.h"

namespace longtail::multigrid {

/// One product of P^T A P along a line: factor * entries[c] * (from[c] * beyond[c]).
struct ProductLine {
  const double *entries, *from, *beyond;
  double factor;
};

/// What makes the shares of a line of fine points that lie between coarse ones: entries are added
/// up in `sums`, number 0 being that of the point itself, which loses `without` times the total;
/// then each parent's share is -(the sum over its relatives of sums times their shares) / sum 0.
struct ShareLine {
  static constexpr int kMost = 27;
  struct Term {
    const double* entries;
    double sign;
    int sum;
  };
  struct Relative {
    const double* share;  // null: 1
    int sum;
  };
  struct Parent {
    int relatives;
    Relative relative[kMost];
    double* to;
  };
  std::int64_t size;
  int terms, sums, parents;
  const double* without;
  Term term[kMost];
  Parent parent[8];
};

struct BlackBoxKernels {
  /// even[i], odd[i] = from[2 i], from[2 i + 1].
  void (*split)(std::int64_t count, const double* from, double* even, double* odd);

  /// to[c] += the sum of products, for c in [begin, end).
  void (*add_products)(int count, const ProductLine* products, std::int64_t begin, std::int64_t end,
                       double* to);

  void (*find_shares)(const ShareLine& line);
};

LONGTAIL_DECLARE_PER_LEVEL(BlackBoxKernels, kBlackBoxKernels)

}  // namespace longtail::multigrid
