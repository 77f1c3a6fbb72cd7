#pragma once
// From sums over blocks to the gradients of base, drive, readout and skip (s4d_backward.cpp says
// which sums), and over groups of rows to all of a head. Everything in double, in a fixed order.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "longconv/s4d_tables.h"

namespace longtail::longconv {

/// Rows of a head are cut into groups, whose sums are added in their order.
struct Groups {
  static constexpr std::int64_t kMost = 16, kLeastRows = 8;
  std::int64_t rows, count;
  explicit Groups(std::int64_t batch)
      : rows(std::max(kLeastRows, blocks_of(batch, kMost))), count(blocks_of(batch, rows)) {}
};

/// Sums of a group of rows of one head, as pairs: base, drive, readout; and skip.
struct Sums {
  std::int64_t states, outputs;
  double* data;
  static std::int64_t size(const S4dShape& s) { return 2 * s.states * (2 + s.outputs) + s.outputs; }
  double* base() const { return data; }
  double* drive() const { return data + 2 * states; }
  double* readout(std::int64_t c) const { return data + 2 * states * (2 + c); }
  double& skip(std::int64_t c) const { return data[2 * states * (2 + outputs) + c]; }
};

/// What a group of rows left, planar arrays [.., width]: real parts of all states, imaginary parts.
struct GroupSums {
  std::int64_t width;
  const double *base, *drive, *readouts;
  const double* of_blocks;  // kSumsOfBlocks, and kSumsOfResult for each result
  const double* of_tail;    // base, drive, readouts
  const double* lags;       // r, [results, kBlockSteps]
};

/// The gradients of base, drive and readout.
void finish_sums(const GroupSums& of, const Sums& to);

/// Groups of all heads, added in their order.
void add_groups(const S4dShape& shape, const Groups& groups, const std::vector<double>& partial,
                const S4dGradients& to);

}  // namespace longtail::longconv
