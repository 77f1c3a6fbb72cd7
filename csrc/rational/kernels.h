// Group rationals on plain memory: x is seen as [outer, groups, run], contiguous, where all
// elements of a run share their coefficients. Channels last are runs of C/G, channels first of C/G
// * H * W.
#pragma once

#include <cstdint>
#include <vector>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::rational {

inline constexpr int kMaxNumerator = 7;  // largest orders m and n
inline constexpr int kMaxDenominator = 6;
inline constexpr int kSlots = kMaxNumerator + 1 + kMaxDenominator;  // sums of one group

struct Shape {
  std::int64_t outer, groups, run;
};

/// The coefficients of every group, padded with zeros to the largest orders.
struct Table {
  int version;               // 0: A, 1: B
  int m, n;                  // the orders that are in use
  std::vector<double> rows;  // [groups, kSlots]: a_0 ... a_7, b_1 ... b_6
};

/// y = F(x). `x` and `y` hold elements of `dtype`.
void forward(const Shape& shape, const Table& table, DType dtype, const void* x, void* y,
             const ParallelFor& parallel_for = {});

/// dx = grad * F'(x), and the sums of grad * dF/da_i and grad * dF/db_j over each group, as
/// [groups, kSlots] like Table::rows. The sums are taken over fixed blocks in a fixed order: the
/// same bits for any number of threads.
void backward(const Shape& shape, const Table& table, DType dtype, const void* grad, const void* x,
              void* dx, std::vector<double>& sums, const ParallelFor& parallel_for = {});

}  // namespace longtail::rational
