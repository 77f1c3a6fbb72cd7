#pragma once
// Unevaluated sums hi + lo with |lo| <= ulp(hi)/2: about 106 bits from pairs of doubles (48 from
// pairs of floats). For the few places where a cancellation costs more bits than a double has.
//
// Source: Joldes, Muller, Popescu, "Tight and rigorous error bounds for basic building blocks of
// double-word arithmetic", ACM TOMS 44 (2017), article 15; u = 2^-53 (2^-24). Bounds hold while
// nothing overflows and no error term falls below the subnormals.

#include "simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

template <class T>
struct DoubleDouble {
  T hi;
  T lo;

  DoubleDouble() = default;
  LONGTAIL_INLINE DoubleDouble(T h, T l) : hi(h), lo(l) {}
  LONGTAIL_INLINE DoubleDouble(T h) : hi(h), lo(T(scalar_t<T>(0))) {}
  LONGTAIL_INLINE DoubleDouble(Pair<T> p) : hi(p.hi), lo(p.lo) {}

  friend LONGTAIL_INLINE DoubleDouble operator-(DoubleDouble a) { return {-a.hi, -a.lo}; }

  /// Relative error <= 3 u^2 (their algorithm 6), also where the sum cancels.
  friend LONGTAIL_INLINE DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
    const Pair<T> s = two_sum(a.hi, b.hi);
    const Pair<T> t = two_sum(a.lo, b.lo);
    const Pair<T> v = quick_two_sum(s.hi, T(s.lo + t.hi));
    return quick_two_sum(v.hi, T(t.lo + v.lo));
  }
  friend LONGTAIL_INLINE DoubleDouble operator+(DoubleDouble a, T b) {  // 2 u^2, algorithm 4
    const Pair<T> s = two_sum(a.hi, b);
    return quick_two_sum(s.hi, T(a.lo + s.lo));
  }
  friend LONGTAIL_INLINE DoubleDouble operator+(T a, DoubleDouble b) { return b + a; }
  friend LONGTAIL_INLINE DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + -b; }
  friend LONGTAIL_INLINE DoubleDouble operator-(DoubleDouble a, T b) { return a + -b; }
  friend LONGTAIL_INLINE DoubleDouble operator-(T a, DoubleDouble b) { return -b + a; }

  /// Relative error <= 5 u^2 (algorithm 11).
  friend LONGTAIL_INLINE DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
    const Pair<T> p = two_prod(a.hi, b.hi);
    return quick_two_sum(p.hi, T(p.lo + fma(a.lo, b.hi, T(a.hi * b.lo))));
  }
  friend LONGTAIL_INLINE DoubleDouble operator*(DoubleDouble a, T b) {  // 2 u^2, algorithm 9
    const Pair<T> p = two_prod(a.hi, b);
    return quick_two_sum(p.hi, T(fma(a.lo, b, p.lo)));
  }
  friend LONGTAIL_INLINE DoubleDouble operator*(T a, DoubleDouble b) { return b * a; }

  /// Relative error <= 15 u^2 (algorithm 17, with one division).
  friend LONGTAIL_INLINE DoubleDouble operator/(DoubleDouble a, DoubleDouble b) {
    const T inverse = scalar_t<T>(1) / b.hi;
    const T q = a.hi * inverse;
    const Pair<T> p = two_prod(q, b.hi);
    const T rest = ((a.hi - p.hi) - p.lo) + fma(-q, b.lo, a.lo);
    return quick_two_sum(q, T(rest * inverse));
  }
  friend LONGTAIL_INLINE DoubleDouble operator/(DoubleDouble a, T b) { return a / DoubleDouble(b); }
  friend LONGTAIL_INLINE DoubleDouble operator/(T a, DoubleDouble b) { return DoubleDouble(a) / b; }
};

/// Square root of a >= 0; 0 gives 0. Relative error <= 4 u^2.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> sqrt(DoubleDouble<T> a) {
  using S = scalar_t<T>;
  const T root = sqrt(a.hi);
  const Pair<T> square = two_prod(root, root);
  const T rest = ((a.hi - square.hi) - square.lo) + a.lo;
  const T safe = select(root > S(0), root, T(S(1)));
  return quick_two_sum(root, T(rest * (S(0.5) / safe)));
}

/// a * 2^n for an exact power of two.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> scale(DoubleDouble<T> a, Same<T> n) {
  return {scale(a.hi, n), scale(a.lo, n)};
}
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> select(mask_t<T> m, DoubleDouble<T> a, DoubleDouble<T> b) {
  return {select(m, a.hi, b.hi), select(m, a.lo, b.lo)};
}

/// a b without the final normalisation: |lo| may reach a few ulp of hi.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> multiply_loosely(DoubleDouble<T> a, DoubleDouble<T> b) {
  const Pair<T> p = two_prod(a.hi, b.hi);
  return {p.hi, fma(a.hi, b.lo, fma(a.lo, b.hi, p.lo))};
}
/// One Horner step c + z p for |z p| < c/8, good to about 2^-100 of c; as loose as its input.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> horner_step(DoubleDouble<T> z, DoubleDouble<T> p, double c_high,
                                            double c_low) {
  const DoubleDouble<T> product = multiply_loosely(z, p);
  const Pair<T> sum = quick_two_sum(T(c_high), product.hi);
  return {sum.hi, sum.lo + (product.lo + c_low)};
}

/// log(hi + lo) for a normalised pair in [2^-1000, 2^1000].
///
/// Formula: log(2^k m) = k ln 2 + 2 atanh(s), s = (m - 1)/(m + 1), |s| <= 0.1716 (DLMF 4.6.4): the
/// first six terms of the series in double-double, the rest as one polynomial in double; k ln 2 as
/// three doubles of which two multiply k exactly. Intermediate pairs stay unnormalised, since the
/// chain of dependent operations is what costs. Relative error: contract::log_dd.
/// Coefficients: tools/fit_coefficients.py log_dd_tail.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> log_dd(DoubleDouble<T> x) {
  static_assert(sizeof(scalar_t<T>) == 8, "log_dd has constants for double only");
  const auto [m, k] = split_exponent(x.hi);
  const Pair<T> f = two_sum(T(m - 1.0), T(x.lo * exp2_real(T(-k))));
  const Pair<T> f_plus_2 = quick_two_sum(T(2.0), f.hi);

  const T inverse = 1.0 / f_plus_2.hi;
  const T quotient = f.hi * inverse;
  const Pair<T> back = two_prod(quotient, f_plus_2.hi);
  const T rest = ((f.hi - back.hi) - back.lo) + fma(-quotient, T(f_plus_2.lo + f.lo), f.lo);
  const DoubleDouble<T> s = {quotient, rest * inverse};

  const DoubleDouble<T> z = multiply_loosely(s, s);
  const T z2 = z.hi * z.hi;
  const T even = horner(z2, 0x1.3b13b13b13acfp-4, 0x1.e1e1e1d72e479p-5, 0x1.861750a29793ep-5,
                        0x1.43bc267638513p-5);
  const T odd = horner(z2, 0x1.11111111186d0p-4, 0x1.af28701d97d11p-5, 0x1.64568a933b1e1p-5,
                       0x1.63e1cb0d4269fp-5);
  const DoubleDouble<T> tail = fma(odd, z.hi, even);  // 1/13 + z/15 + ...
  DoubleDouble<T> p = horner_step(z, tail, 0x1.745d1745d1746p-4, -0x1.745d1745d1746p-59);
  p = horner_step(z, p, 0x1.c71c71c71c71cp-4, 0x1.c71c71c71c71cp-58);
  p = horner_step(z, p, 0x1.2492492492492p-3, 0x1.2492492492492p-57);
  p = horner_step(z, p, 0x1.999999999999ap-3, -0x1.999999999999ap-57);
  p = horner_step(z, p, 0x1.5555555555555p-2, 0x1.5555555555555p-56);
  const DoubleDouble<T> cubic = multiply_loosely(s, multiply_loosely(z, p));  // atanh(s) - s

  const Pair<T> first = quick_two_sum(T(k * 0x1.62e42fefa3800p-1), T(2.0 * s.hi));
  const Pair<T> second = quick_two_sum(first.hi, T(2.0 * cubic.hi));
  const T below =
      fma(k, 0x1.ef35793c76000p-45, fma(T(2.0), T(s.lo + cubic.lo), T(k * 0x1.cc01f97b57a08p-87)));
  return quick_two_sum(second.hi, T(first.lo + (second.lo + below)));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
