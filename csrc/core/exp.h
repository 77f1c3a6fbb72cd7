#pragma once
// exp and expm1 for scalars, vectors and CUDA.

#include "simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// x = n ln 2 + r + r_low with |r| <= ln(2)/2, to about twice the working precision.
template <class T>
struct ReducedExponent {
  T n;
  T r;
  T r_low;
};
template <Real T>
LONGTAIL_INLINE ReducedExponent<T> reduce_exponent(T x) {
  using S = scalar_t<T>;
  constexpr bool wide = sizeof(S) == 8;
  constexpr S log2_e = S(0x1.71547652b82fep0);
  // ln 2 in two parts; n * high is exact for every n that exp meets.
  constexpr S high = wide ? S(0x1.62e42fefa3800p-1) : S(0x1.62e4p-1);
  constexpr S low = wide ? S(0x1.ef35793c76730p-45) : S(0x1.7f7d1cp-20);
  const T n = rint(x * log2_e);
  const T rest = x - n * high;
  const T correction = n * low;
  const T r = rest - correction;
  return {n, r, (rest - r) - correction};
}

/// (e^r - 1 - r) / r^2 for |r| <= ln(2)/2.
template <Real T>
LONGTAIL_INLINE T exp_tail(T r) {
  if constexpr (sizeof(scalar_t<T>) == 8) {
    return horner(r, 0.5, 0x1.5555555555501p-3, 0x1.5555555553206p-5, 0x1.1111111128879p-7,
                  0x1.6c16c17cc34a1p-10, 0x1.a01a011c235c8p-13, 0x1.a019ab2ce19b6p-16,
                  0x1.71df55405a7e2p-19, 0x1.289f8b31149cbp-22, 0x1.ad201980c4693p-26);
  } else {
    return horner(r, 0.5f, 0x1.555554p-3f, 0x1.5554e8p-5f, 0x1.11133p-7f, 0x1.6d4dc6p-10f,
                  0x1.9dd75ap-13f);
  }
}

template <Real T>
LONGTAIL_INLINE T exp(T x) {
  using S = scalar_t<T>;
  constexpr S top = sizeof(S) == 8 ? S(710) : S(89);
  constexpr S bottom = sizeof(S) == 8 ? S(-746) : S(-104.5);
  const auto [n, r, r_low] = reduce_exponent(max(T(bottom), min(T(top), x)));  // nan stays nan
  const auto [hi, lo] = quick_two_sum(T(S(1)), r);
  return scale(T(hi + (lo + fma(r * r, exp_tail(r), r_low))), n);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
