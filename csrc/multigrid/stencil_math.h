#pragma once
// One point of -Laplace, the same formula for every number type, on CPUs and GPUs.

#include "core/simd.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {

/// Coefficients and neighbours of a point along one axis.
template <class T>
struct Neighbours {
  T lower, upper;    // coefficients
  T before, behind;  // values
};

template <class T>
LONGTAIL_INLINE T add_neighbours(T sum, const Neighbours<T>& axis) {
  return fma(axis.lower, axis.before, fma(axis.upper, axis.behind, sum));
}

/// What makes the residual of this point 0, omega times as far from u as that is.
template <class T>
LONGTAIL_INLINE T relaxed(T u, T around, T reciprocal, T omega) {
  return fma(omega, fma(around, reciprocal, -u), u);
}

/// A step of a method with memory, along d: what it was and the residual over the diagonal.
template <class T>
LONGTAIL_INLINE T moved_along(T d, T r, T reciprocal, T kept, T scale) {
  return fma(kept, d, scale * reciprocal * r);
}

/// Lanes whose index and `first` add up to an even number: points of one colour along a row.
template <class T>
LONGTAIL_INLINE mask_t<T> every_other(int first) {
  T index = T(scalar_t<T>(0));
  if constexpr (kLanes<T> > 1) {
    for (int i = 0; i < kLanes<T>; ++i) index.set(i, scalar_t<T>((i + first) % 2));
  }
  return index == T(scalar_t<T>(0));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
