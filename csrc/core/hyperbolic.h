#pragma once
// sinh, cosh, tanh and asinh for scalars, vectors and CUDA, double and float.
//
// Composing them from exp, expm1 and log1p would add up the errors of two or three functions; here
// the parts are combined before anything is rounded to the final precision. Coefficients:
// tools/fit_coefficients.py hyperbolic_family. Largest errors: core/contract.h.

#include "double_double.h"
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

/// (e^x - e^-x)/2 for all x, odd; infinite beyond 710.47 (89.4). Error: contract::sinh.
template <Real T>
LONGTAIL_INLINE T sinh(T x) {
  using S = scalar_t<T>;
  constexpr S top = sizeof(S) == 8 ? S(711.5) : S(90.5);
  const auto [y, unused, n] = sinh_cosh(min(T(top), abs(x)));
  return copysign(scale(T(y.hi + y.lo), n), x);
}

/// (e^x + e^-x)/2 for all x, even; inf beyond 710.47 (89.4). Error: contract::cosh.
template <Real T>
LONGTAIL_INLINE T cosh(T x) {
  using S = scalar_t<T>;
  constexpr S top = sizeof(S) == 8 ? S(711.5) : S(90.5);
  const auto [unused, y, n] = sinh_cosh(min(T(top), abs(x)));
  return scale(T(y.hi + y.lo), n);
}

/// sinh x / cosh x for all x, odd; 1 to half an ulp beyond 20 (10). Error: contract::tanh.
template <Real T>
LONGTAIL_INLINE T tanh(T x) {
  using S = scalar_t<T>;
  constexpr S top = sizeof(S) == 8 ? S(20) : S(10);
  const auto [sinh, cosh, n] = sinh_cosh(min(T(top), abs(x)));
  const DoubleDouble<T> numerator = quick_two_sum(sinh.hi, sinh.lo);
  const DoubleDouble<T> denominator = quick_two_sum(cosh.hi, cosh.lo);
  return copysign((numerator / denominator).hi, x);
}

/// c - a b for c close to a b, without the rounding of the product.
template <Real T>
LONGTAIL_INLINE T rest_of_product(T c, T a, T b) {
  const Pair<T> product = two_prod(a, b);
  return (c - product.hi) - product.lo;
}

/// log(x + sqrt(x^2 + 1)) for all x, odd, infinite at infinities. Error: contract::asinh.
///
/// Formula: log1p(x + g), g = x^2 / (1 + sqrt(1 + x^2)) for x >= 0, which does not cancel for small
/// x (DLMF 4.37.16 rearranged); x + g in double-double. Beyond 2^28 (2^13), before x^2 overflows,
/// log(2 x) is as good to 2^-58 (2^-28).
template <Real T>
LONGTAIL_INLINE T asinh(T x) {
  using S = scalar_t<T>;
  constexpr S large = sizeof(S) == 8 ? S(0x1p28) : S(0x1p13);
  const T zero = S(0), one = S(1), a = abs(x);
  const mask_t<T> huge = a > large;
  const T b = min(a, T(large));

  // Double-double spelt out: the low parts need only a few bits each.
  const Pair<T> square = two_prod(b, b);
  const Pair<T> radicand = two_sum(one, square.hi);
  const T root = sqrt(radicand.hi);
  const T root_rest = rest_of_product(radicand.hi, root, root) + (radicand.lo + square.lo);
  const Pair<T> bottom = two_sum(one, root);
  const T bottom_low = fma(root_rest, T(S(0.5) / root), bottom.lo);
  const T inverse = one / bottom.hi;
  const T g = square.hi * inverse;
  const T g_rest = rest_of_product(square.hi, g, bottom.hi) + fma(-g, bottom_low, square.lo);
  const Pair<T> sum = quick_two_sum(b, g);
  const Pair<T> y = {sum.hi, fma(g_rest, inverse, sum.lo)};

  const Pair<T> one_plus = two_sum(one, y.hi);
  // 2 a itself might overflow: it is a with one more power of two.
  const Pair<T> argument = {select(huge, a, one_plus.hi), select(huge, zero, one_plus.lo)};
  const Pair<T> result =
      log_of_sum(argument, y.hi, T(select(huge, zero, y.lo)), T(select(huge, one, zero)));
  return copysign(select(a < kInfinity<T>, T(result.hi + result.lo), a), x);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
