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
/// One Horner step c + z p for |z p| < c/8, good to about u^2 of c; as loose as its input. c is the
/// double nearest to it plus c_low.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> horner_step(DoubleDouble<T> z, DoubleDouble<T> p, double c,
                                            double c_low) {
  using S = scalar_t<T>;
  const S high = S(c), low = S((c - double(high)) + c_low);
  const DoubleDouble<T> product = multiply_loosely(z, p);
  const Pair<T> sum = quick_two_sum(T(high), product.hi);
  return {sum.hi, sum.lo + (product.lo + low)};
}

/// atanh(s)/s - 1 = z p: p for z = s^2 <= 0.0295 (DLMF 4.6.4). The first terms of the series in
/// double-double, the rest as one polynomial in T: for floats the series' next terms, for doubles a
/// fit by tools/fit_coefficients.py log_dd_tail.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> atanh_tail(DoubleDouble<T> z) {
  DoubleDouble<T> p;
  if constexpr (sizeof(scalar_t<T>) == 8) {
    const T z2 = z.hi * z.hi;
    const T even = horner(z2, 0x1.3b13b13b13acfp-4, 0x1.e1e1e1d72e479p-5, 0x1.861750a29793ep-5,
                          0x1.43bc267638513p-5);
    const T odd = horner(z2, 0x1.11111111186d0p-4, 0x1.af28701d97d11p-5, 0x1.64568a933b1e1p-5,
                         0x1.63e1cb0d4269fp-5);
    p = T(fma(odd, z.hi, even));  // 1/13 + z/15 + ...
    p = horner_step(z, p, 0x1.745d1745d1746p-4, -0x1.745d1745d1746p-59);
    p = horner_step(z, p, 0x1.c71c71c71c71cp-4, 0x1.c71c71c71c71cp-58);
  } else {
    p = horner(z.hi, 1.0f / 9, 1.0f / 11, 1.0f / 13, 1.0f / 15, 1.0f / 17);
  }
  p = horner_step(z, p, 0x1.2492492492492p-3, 0x1.2492492492492p-57);
  p = horner_step(z, p, 0x1.999999999999ap-3, -0x1.999999999999ap-57);
  return horner_step(z, p, 0x1.5555555555555p-2, 0x1.5555555555555p-56);
}

/// ln 2 in three parts; the first two are short enough to be multiplied by any exponent exactly.
template <class S>
struct Ln2Parts {
  static constexpr S first = S(0x1.62e42fefa3800p-1), second = S(0x1.ef35793c76000p-45),
                     third = S(0x1.cc01f97b57a08p-87);
};
template <>
struct Ln2Parts<float> {
  static constexpr float first = 0x1.62e4p-1f, second = 0x1.7f7p-20f, third = 0x1.a39ef4p-33f;
};

/// log(hi + lo) for a normalised pair in [2^-1000, 2^1000] ([2^-100, 2^100] for floats).
///
/// Formula: log(2^k m) = k ln 2 + 2 atanh(s), s = (m - 1)/(m + 1), |s| <= 0.1716. Intermediate
/// pairs stay unnormalised, since the chain of dependent operations is what costs. Relative error:
/// contract::log_dd.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> log_dd(DoubleDouble<T> x) {
  using S = scalar_t<T>;
  using Ln2 = Ln2Parts<S>;
  const auto [m, k] = split_exponent(x.hi);
  const Pair<T> f = two_sum(T(m - S(1)), T(x.lo * exp2_real(T(-k))));
  const Pair<T> f_plus_2 = quick_two_sum(T(S(2)), f.hi);

  const T inverse = S(1) / f_plus_2.hi;
  const T quotient = f.hi * inverse;
  const Pair<T> back = two_prod(quotient, f_plus_2.hi);
  const T rest = ((f.hi - back.hi) - back.lo) + fma(-quotient, T(f_plus_2.lo + f.lo), f.lo);
  const DoubleDouble<T> s = {quotient, rest * inverse};

  const DoubleDouble<T> z = multiply_loosely(s, s);
  const DoubleDouble<T> cubic = multiply_loosely(s, multiply_loosely(z, atanh_tail(z)));

  const Pair<T> first = quick_two_sum(T(k * Ln2::first), T(S(2) * s.hi));
  const Pair<T> second = quick_two_sum(first.hi, T(S(2) * cubic.hi));
  const T below = fma(k, Ln2::second, fma(T(S(2)), T(s.lo + cubic.lo), T(k * Ln2::third)));
  return quick_two_sum(second.hi, T(first.lo + (second.lo + below)));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
