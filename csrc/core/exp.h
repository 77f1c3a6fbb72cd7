#pragma once
// exp and expm1 for scalars, vectors and CUDA, double and float.
//
// Method: Cody and Waite's reduction x = n ln 2 + r with ln 2 in two parts ("Software Manual for
// the Elementary Functions", 1980, chapter 6), then one minimax polynomial for e^r, whose terms 1
// and r are added last and with their rounding error, so that no table and no gather is needed.
// Coefficients: tools/fit_coefficients.py exp_family. Largest errors: core/contract.h.

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
  using F = Format<S>;
  constexpr S log2_e = S(0x1.71547652b82fep0);
  const T n = rint(x * log2_e);
  const T rest = x - n * F::ln2_high;  // exact
  const T correction = n * F::ln2_low;
  const T r = rest - correction;
  return {n, r, (rest - r) - correction};
}

/// (e^r - 1 - r - r^2/2) / r^3 for |r| <= ln(2)/2.
template <Real T>
LONGTAIL_INLINE T exp_cubic(T r) {
  if constexpr (sizeof(scalar_t<T>) == 8) {
    return horner(r, 0x1.555555555555ap-3, 0x1.555555555553p-5, 0x1.111111110efbcp-7,
                  0x1.6c16c16c2701cp-10, 0x1.a01a01b26bca1p-13, 0x1.a01a01527083ap-16,
                  0x1.71ddf26935b3ep-19, 0x1.27e58cffe8e12p-22, 0x1.af686d6383f5bp-26,
                  0x1.1e670d1058585p-29);
  } else {
    return horner(r, 0x1.555554p-3f, 0x1.5554e8p-5f, 0x1.11133p-7f, 0x1.6d4dc6p-10f,
                  0x1.9dd75ap-13f);
  }
}

/// e^(x + low) / 2^n as an unevaluated sum good to about 3 bits more than its parts, |low| at most
/// an ulp or so of x.
template <class T>
struct ScaledPair {
  Pair<T> value;
  T n;
};
template <Real T>
LONGTAIL_INLINE ScaledPair<T> exp_scaled(T x, T low) {
  using S = scalar_t<T>;
  const auto [n, r, r_low] = reduce_exponent(x);
  const auto [hi, lo] = quick_two_sum(T(S(1)), r);
  return {{hi, lo + fma(r * r, fma(r, exp_cubic(r), T(S(0.5))), r_low + low)}, n};
}

/// e^x for all x: 0 at -inf, inf at inf and from 709.79 (88.73) on; subnormal results are rounded
/// once more. Error: contract::exp.
template <Real T>
LONGTAIL_INLINE T exp(T x) {
  using S = scalar_t<T>;
  constexpr S top = sizeof(S) == 8 ? S(710) : S(89);
  constexpr S bottom = sizeof(S) == 8 ? S(-746) : S(-104.5);
  const auto [e, n] = exp_scaled(max(T(bottom), min(T(top), x)), T(S(0)));  // nan stays nan
  return scale(T(e.hi + e.lo), n);
}

/// e^x - 1 for all x, without the cancellation near 0: -1 at -inf, inf at inf, keeps the sign of
/// zero. Error: contract::expm1.
///
/// Formula: 2^n ((1 - 2^-n) + (e^r - 1)), where 1 - 2^-n and its sum with r keep their rounding
/// errors: e^r alone would lose what expm1 is there for.
template <Real T>
LONGTAIL_INLINE T expm1(T x) {
  using S = scalar_t<T>;
  constexpr bool wide = sizeof(S) == 8;
  constexpr S top = wide ? S(710) : S(89);
  constexpr S bottom = wide ? S(-40) : S(-20);  // already -1 to half an ulp
  const auto [n, r, r_low] = reduce_exponent(max(T(bottom), min(T(top), x)));
  const Pair<T> shift = two_sum(T(S(1)), T(-exp2_real(T(-min(n, T(S(60)))))));
  const Pair<T> sum = two_sum(shift.hi, r);
  const T square = r * r;
  const T rest = fma(square * r, exp_cubic(r), fma(r_low, r, r_low)) + (sum.lo + shift.lo);
  const T y = sum.hi + fma(square, T(S(0.5)), rest);
  return select(x == S(0), x, scale(y, n));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
