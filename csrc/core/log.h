#pragma once
// log and log1p for scalars, vectors and CUDA, double and float.
//
// Method: x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)]; log(1 + f) = 2 atanh(f / (2 + f))
// (DLMF 4.6.6) by one minimax polynomial; k ln 2 in two parts. One division, no table.
// Coefficients: tools/fit_coefficients.py log_family. Largest errors: core/contract.h.

#include "simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// log((1 + s)/(1 - s))/s - 2 as a polynomial in z = s^2, |s| <= (sqrt 2 - 1)/(sqrt 2 + 1).
template <Real T>
LONGTAIL_INLINE T log_tail(T z) {
  if constexpr (sizeof(scalar_t<T>) == 8) {
    return z * horner(z, 0x1.5555555555592p-1, 0x1.999999997fd35p-2, 0x1.24924941f8ea1p-2,
                      0x1.c71c5202a0735p-3, 0x1.7466405f43cddp-3, 0x1.39a192e95af84p-3,
                      0x1.2f07083a838b6p-3);
  } else {
    return z * horner(z, 0x1.55557ap-1f, 0x1.995eb4p-2f, 0x1.31e3a6p-2f);
  }
}

/// log(2^k (1 + f)) + low as an unevaluated sum good to about 3 bits more than its parts, for
/// 1 + f in [sqrt(1/2), sqrt(2)] and |low| at most an ulp or so of 1.
///
/// With s = f/(2 + f), and 2 s = f - f s = f - f^2/2 + s f^2/2:
///   log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + tail(s^2))),
/// which corrects the exact f by small terms, where 2 s would carry the rounding of the quotient
/// (the arrangement of FDLIBM's e_log.c, Sun Microsystems 1993).
template <Real T>
LONGTAIL_INLINE Pair<T> log_of_split(T k, T f, T low) {
  using S = scalar_t<T>;
  using F = Format<S>;
  const T s = f / (S(2) + f);
  const T square = f * f * S(0.5);
  const T small = fma(s, square + log_tail(T(s * s)), fma(k, T(F::ln2_low), low));
  const Pair<T> sum = quick_two_sum(T(k * F::ln2_high), f);
  return {sum.hi, sum.lo - (square - small)};
}

/// log(x) as an unevaluated sum, for positive finite x.
template <Real T>
LONGTAIL_INLINE Pair<T> log_pair(T x) {
  using S = scalar_t<T>;
  const auto [m, k] = split_exponent(x);
  return log_of_split(k, T(m - S(1)), T(S(0)));
}

/// log(x) for all x: -inf at 0, nan below, inf at inf, subnormals like the rest.
/// Error: contract::log, relative also next to 1.
template <Real T>
LONGTAIL_INLINE T log(T x) {
  using S = scalar_t<T>;
  const auto [hi, lo] = log_pair(x);
  const T edge = select(x == S(0), T(-kInfinity<T>), select(x > S(0), x, kNan<T>));
  return select((x > S(0)) & (x < kInfinity<T>), T(hi + lo), edge);
}

/// log(2^j (1 + y)) for y = hi + lo > -1 as an unevaluated sum, given 1 + hi as an exact pair;
/// |lo| <= ulp(hi). Where 2^j = 1 and 1 + hi is close to 1, hi itself is used instead of
/// (1 + hi) - 1, so that small y keep their full relative precision.
template <Real T>
LONGTAIL_INLINE Pair<T> log_of_sum(Pair<T> one_plus_hi, T hi, T lo, T j) {
  using S = scalar_t<T>;
  const auto [m, k] = split_exponent(one_plus_hi.hi);
  const mask_t<T> near_one = k == S(0);
  const T f = select(near_one, hi, m - S(1));
  const T rest = select(near_one, lo, one_plus_hi.lo + lo);
  return log_of_split(T(k + j), f, T(rest / one_plus_hi.hi));
}

/// log(1 + x) for all x: -inf at -1, nan below, inf at inf, keeps the sign of zero.
/// Error: contract::log1p.
template <Real T>
LONGTAIL_INLINE T log1p(T x) {
  using S = scalar_t<T>;
  const auto [hi, lo] = log_of_sum(two_sum(T(S(1)), x), x, T(S(0)), T(S(0)));
  const T edge = select(x == S(-1), T(-kInfinity<T>), select(x > S(-1), x, kNan<T>));
  const mask_t<T> inside = (x > S(-1)) & (x < T(kInfinity<T>)) & (x != S(0));
  return select(inside, T(hi + lo), edge);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
