#pragma once
// silu and its slope, for the CPU's vectors and for CUDA. Nothing overflows on the way.

#include "core/exp.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

/// 1 / (1 + e^-a) and 1 / (1 + e^a), both with all their digits.
template <class T>
struct Sigmoid {
  T of, opposite;
};
template <Real T>
LONGTAIL_INLINE Sigmoid<T> sigmoid(T a) {
  using S = scalar_t<T>;
  const T small = exp(T(-abs(a))), large = T(S(1)) / (small + S(1));
  const T rest = small * large;
  const mask_t<T> negative = a < T(S(0));
  return {select(negative, rest, large), select(negative, large, rest)};
}

template <Real T>
LONGTAIL_INLINE T silu(T a) {
  return a * sigmoid(a).of;
}
template <Real T>
LONGTAIL_INLINE T silu_slope(T a) {
  const Sigmoid<T> s = sigmoid(a);
  return s.of * fma(a, s.opposite, T(scalar_t<T>(1)));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
