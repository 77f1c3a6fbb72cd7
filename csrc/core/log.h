#pragma once
// log and log1p for scalars, vectors and CUDA.

#include "simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// (log(1 + s) - log(1 - s) - 2 s) / s as a polynomial in z = s^2, |s| <= (sqrt 2 - 1)/(sqrt 2 + 1).
template <Real T>
LONGTAIL_INLINE T log_tail(T z) {
  if constexpr (sizeof(scalar_t<T>) == 8) {
    return z * horner(z, 0x1.5555555555592p-1, 0x1.999999997fd35p-2, 0x1.24924941f8ea3p-2,
                      0x1.c71c5202a05d7p-3, 0x1.7466405f48906p-3, 0x1.39a192e8d96c7p-3,
                      0x1.2f07083fde16dp-3);
  } else {
    return z;
  }
}

/// log(2^k (1 + f)) + low, for 1 + f in [sqrt(1/2), sqrt(2)] and |low| at most an ulp or so of 1.
template <Real T>
LONGTAIL_INLINE T log_of_split(T k, T f, T low) {
  using S = scalar_t<T>;
  constexpr bool wide = sizeof(S) == 8;
  constexpr S ln2_high = wide ? S(0x1.62e42fefa3800p-1) : S(0x1.63p-1);
  constexpr S ln2_low = wide ? S(0x1.ef35793c76730p-45) : S(-0x1.bd0106p-13);
  const T s = f / (S(2) + f);
  const T square = f * f * S(0.5);
  const T small = fma(s, square + log_tail(T(s * s)), fma(k, ln2_low, low));
  const auto [hi, lo] = quick_two_sum(T(k * ln2_high), f);
  return hi + (lo - (square - small));
}

template <Real T>
LONGTAIL_INLINE T log(T x) {
  using S = scalar_t<T>;
  const auto [m, k] = split_exponent(x);
  const T y = log_of_split(k, T(m - S(1)), T(S(0)));
  const T edge = select(x == S(0), T(-kInfinity<T>), select(x > S(0), x, kNan<T>));
  return select((x > S(0)) & (x < kInfinity<T>), y, edge);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
