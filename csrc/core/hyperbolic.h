#pragma once
// sinh, cosh, tanh and asinh for scalars, vectors and CUDA.

#include "exp.h"
#include "log.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// sinh(x) / 2^n and cosh(x) / 2^n as unevaluated sums, n >= 0 integral.
template <class T>
struct SinhCosh {
  Pair<T> sinh;
  Pair<T> cosh;
  T n;
};

/// For 0 <= x <= about 711 (90 for float). With x = n ln 2 + r, S = sinh(n ln 2) and
/// C = cosh(n ln 2), each kept as an exact pair:
///   sinh x = S cosh r + C sinh r,  cosh x = C cosh r + S sinh r  (DLMF 4.35.1, 4.35.2).
/// Only the products with r itself and their sums need compensation.
template <Real T>
LONGTAIL_INLINE SinhCosh<T> sinh_cosh(T x) {
  using S = scalar_t<T>;
  const auto [n, r, r_low] = reduce_exponent(x);
  const T z = r * r;
  T sinh_rest, cosh_rest;  // sinh r - r, cosh r - 1
  if constexpr (sizeof(S) == 8) {
    sinh_rest = horner(z, 0x1.5555555555559p-3, 0x1.111111110f6aep-7, 0x1.a01a01afe568p-13,
                       0x1.71ddf852fd1b5p-19, 0x1.af5ec01927522p-26);
    cosh_rest = horner(z, 0x1.000000000000cp-1, 0x1.555555554ff8dp-5, 0x1.6c16c185c2f2dp-10,
                       0x1.a019965600ba3p-16, 0x1.28b079f1c90c9p-22);
  } else {
    sinh_rest = horner(z, 0x1.555556p-3f, 0x1.1110b2p-7f, 0x1.a16ff2p-13f);
    cosh_rest = horner(z, 0x1p-1f, 0x1.55547ep-5f, 0x1.6d9792p-10f);
  }
  sinh_rest = fma(z * r, sinh_rest, r_low);
  cosh_rest = fma(z, cosh_rest, r * r_low);

  const T half_fourth = S(0.5) * exp2_real(T(S(-2) * min(n, T(S(30)))));  // e^(-2 n ln 2)/2
  const Pair<T> s = quick_two_sum(T(S(0.5)), T(-half_fourth));
  const Pair<T> c = quick_two_sum(T(S(0.5)), half_fourth);
  const Pair<T> cr = two_prod(c.hi, r), sr = two_prod(s.hi, r);
  const Pair<T> sinh_sum = two_sum(s.hi, cr.hi), cosh_sum = quick_two_sum(c.hi, sr.hi);
  const T sinh_low = fma(c.hi, sinh_rest, fma(s.hi, cosh_rest, fma(s.lo, -r, s.lo)));
  const T cosh_low = fma(c.hi, cosh_rest, fma(s.hi, sinh_rest, fma(c.lo, -r, c.lo)));
  return {{sinh_sum.hi, sinh_sum.lo + (cr.lo + sinh_low)},
          {cosh_sum.hi, cosh_sum.lo + (sr.lo + cosh_low)},
          n};
}

/// (e^x - e^-x)/2, odd; inf beyond 710.47 (89.4 for float).
template <Real T>
LONGTAIL_INLINE T sinh(T x) {
  using S = scalar_t<T>;
  constexpr S top = sizeof(S) == 8 ? S(711.5) : S(90.5);
  const auto [y, unused, n] = sinh_cosh(min(T(top), abs(x)));
  return copysign(scale(T(y.hi + y.lo), n), x);
}

/// (e^x + e^-x)/2, even; inf beyond 710.47 (89.4 for float).
template <Real T>
LONGTAIL_INLINE T cosh(T x) {
  using S = scalar_t<T>;
  constexpr S top = sizeof(S) == 8 ? S(711.5) : S(90.5);
  const auto [unused, y, n] = sinh_cosh(min(T(top), abs(x)));
  return scale(T(y.hi + y.lo), n);
}

/// sinh x / cosh x, odd; 1 to half an ulp beyond 20 (10 for float).
template <Real T>
LONGTAIL_INLINE T tanh(T x) {
  using S = scalar_t<T>;
  constexpr S top = sizeof(S) == 8 ? S(20) : S(10);
  const auto [top_sum, bottom_sum, n] = sinh_cosh(min(T(top), abs(x)));
  const Pair<T> a = quick_two_sum(top_sum.hi, top_sum.lo);
  const Pair<T> b = quick_two_sum(bottom_sum.hi, bottom_sum.lo);
  const T q = a.hi / b.hi;
  const Pair<T> back = two_prod(q, b.hi);
  const T rest = ((a.hi - back.hi) - back.lo) + (a.lo - q * b.lo);
  return copysign(q + rest / b.hi, x);
}

/// log(x + sqrt(x^2 + 1)), odd; inf at inf.
///
/// For x >= 0: log1p(x + g), g = x^2 / (1 + sqrt(1 + x^2)) (no cancellation for small x), where
/// the sum keeps its rounding error and g is corrected once by its own residual. Beyond 2^28
/// (2^13) log(2 x) is within 2^-58 (2^-28).
template <Real T>
LONGTAIL_INLINE T asinh(T x) {
  using S = scalar_t<T>;
  constexpr S large = sizeof(S) == 8 ? S(0x1p28) : S(0x1p13);
  const T a = abs(x);
  const mask_t<T> huge = a > large;
  const T b = min(a, T(large));
  const Pair<T> square = two_prod(b, b);
  const Pair<T> radicand = two_sum(T(S(1)), square.hi);
  const T root = sqrt(radicand.hi);
  const Pair<T> back = two_prod(root, root);
  const T root_low =
      (((radicand.hi - back.hi) - back.lo) + (radicand.lo + square.lo)) * (S(0.5) / root);
  const Pair<T> bottom = two_sum(T(S(1)), root);
  const T inverse = S(1) / bottom.hi;
  const T g = square.hi * inverse;
  const Pair<T> product = two_prod(g, bottom.hi);
  const T g_low =
      (((square.hi - product.hi) - product.lo) + (square.lo - g * (bottom.lo + root_low))) *
      inverse;
  const Pair<T> y = quick_two_sum(b, g);
  const Pair<T> one_plus = two_sum(T(S(1)), y.hi);
  const T zero = S(0), one = S(1);
  // Beyond `large` the argument of the logarithm is 2 a, kept as a and one more power of two.
  const Pair<T> sum = {select(huge, a, one_plus.hi), select(huge, zero, one_plus.lo)};
  const Pair<T> result =
      log_of_sum(sum, y.hi, T(select(huge, zero, y.lo + g_low)), T(select(huge, one, zero)));
  return copysign(select(a < kInfinity<T>, T(result.hi + result.lo), a), x);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
