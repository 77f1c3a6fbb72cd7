#pragma once
// What each CPU level compiles (rows.level.cpp) and kernels.cpp chooses from.

#include "core/cpu_level.h"
#include "rational/kernels.h"

namespace longtail::rational {

/// Table::rows in both computing types, |b| instead of b in version A.
struct Rows {
  const double* in_double;
  const float* in_float;

  template <class S>
  const S* of(std::int64_t group) const {
    if constexpr (sizeof(S) == 8) return in_double + group * kSlots;
    if constexpr (sizeof(S) == 4) return in_float + group * kSlots;
  }
};

/// Elements of the outer dimension from begin to end.
using ForwardRows = void (*)(const Shape&, const Rows& rows, const void* x, void* y,
                             std::int64_t begin, std::int64_t end);
/// The same, adding to `sums` [groups, kSlots].
using BackwardRows = void (*)(const Shape&, const Rows& rows, const void* grad, const void* x,
                              void* dx, double* sums, std::int64_t begin, std::int64_t end);

/// By element type (float64, float32, float16, bfloat16), version, and whether the orders are the
/// usual (5, 4) or padded to the largest.
struct RowKernels {
  ForwardRows forward[4][2][2];
  BackwardRows backward[4][2][2];
};

LONGTAIL_DECLARE_PER_LEVEL(RowKernels, kRowKernels)

}  // namespace longtail::rational
