#pragma once
// What each CPU level compiles (kan_hat.level.cpp) and kan_hat.cpp chooses from.

#include <cstdint>

#include "core/cpu_level.h"
#include "rational/kan_hat.h"

namespace longtail::rational {

/// Edges of one output to `count` inputs: weight, 1 / scale and shift.
template <class S>
struct HatRow {
  const S *weight, *inverse, *shift;
};
/// Sums over rows for the same edges.
template <class S>
struct HatRowSums {
  S *weight, *scale, *shift;
};

template <class S>
struct HatKernels {
  /// sum over inputs of weight * psi.
  S (*value)(const HatRow<S>& row, const S* x, std::int64_t count);
  /// Adds grad * weight * psi' / scale to dx, and this row's share to the sums.
  void (*pull)(const HatRow<S>& row, S grad, const S* x, std::int64_t count, S* dx,
               const HatRowSums<S>& sums);
};

LONGTAIL_DECLARE_PER_LEVEL(HatKernels<float>, kHatFloat)
LONGTAIL_DECLARE_PER_LEVEL(HatKernels<double>, kHatDouble)

}  // namespace longtail::rational
