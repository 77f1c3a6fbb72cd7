#pragma once
// What shares of black_box.h are divided by, the same formula for every number type, on CPUs and
// GPUs.

#include "core/simd.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {

/// Of all ends beside sides that a point is at, the part across the line of its coarse points; 1 if
/// it is at none.
template <class S>
LONGTAIL_INLINE S part_across(int between, int others) {
  const int ends = between + others;
  return ends == 0 ? S(1) : S(others) / S(ends);
}

/// The middle of a collapsed row without what leaves through sides, so much of it as does not
/// belong to the shares; unless entries of both signs would leave little to divide by. `around` is
/// the sum of the other entries and `size` that of their absolute values.
template <class T>
LONGTAIL_INLINE T share_divisor(T middle, T around, T size, T without) {
  const T lighter = middle - without * (middle + around);
  return select(lighter < T(scalar_t<T>(0.5)) * size, middle, lighter);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
