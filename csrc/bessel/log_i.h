#pragma once
// log I_v(x) and log(I_v(x) e^-x) by method.

#include "bessel/phase.h"
#include "bessel/power_series.h"
#include "bessel/gamma_terms.h"
#include "bessel/uniform.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// U_I^2 / (2 pi w): the factor of I^2 beside e^(2 phi); without 2 pi for jets.
template <Method M, class J>
LONGTAIL_INLINE J uniform_square_i(const J& v, const J& w) {
  using T = plain_t<J>;
  const J r = T(1.0) / w;
  const J u = uniform_factor_i<M>(v, r);
  // Jets give the derivatives of its logarithm alone, and for the largest w this has no reciprocal.
  if constexpr (kIsJet<J>) return u * u * r;
  return u * u * (r * T(0x1.45f306dc9c883p-3));  // 1/(2 pi)
}

/// log(x/y) for y of moderate size. Of the smallest x the quotient would lose digits, or be 0.
template <class J>
LONGTAIL_INLINE J log_quotient(const J& x, const J& y) {
  if constexpr (Scalar<plain_t<J>>) {
    if (value(x) < kTinyArgument<plain_t<J>>) return log(x) - log(y);
  }
  return log(x / y);
}

/// The same with the rounding error, which beside the logarithms of the smallest x is nothing.
template <Real T>
LONGTAIL_INLINE Pair<T> log_quotient_pair(T x, T y) {
  if constexpr (Scalar<T>) {
    if (x < kTinyArgument<T>) return {log_quotient(x, y), T(0.0)};
  }
  return log_pair(T(x / y));
}

/// log(e x/(2v + 1)): e/2 * x/(v + 1/2) in double-double, since its rounding is multiplied by v.
template <class J>
LONGTAIL_INLINE J log_e_over_order(const J& v, const J& x) {
  using T = plain_t<J>;
  const T one_less_ln2 = T(0.3068528194400547);
  if constexpr (kIsJet<J>) {
    return log_quotient(x, v + T(0.5)) + one_less_ln2;
  } else {
    if constexpr (Scalar<T>) {
      if (x < kTinyArgument<T>) return log_quotient(x, v + T(0.5)) + one_less_ln2;
    }
    constexpr SplitConstant<T> half_e(0x1.5bf0a8b145769p+0, 0x1.4d57ee2b1013ap-54);
    const Pair<T> sum = two_sum(v, T(0.5));
    const DoubleDouble<T> quotient =
        DoubleDouble<T>{T(half_e.high), T(half_e.low)} * x / DoubleDouble<T>{sum.hi, sum.lo};
    return log(quotient.hi) + quotient.lo / quotient.hi;
  }
}

/// Series for v >= 1/2: Gamma(v + 1) through its remainder R, so that log I stays exact where
/// v log(x/2) and log Gamma cancel (v up to 25 near x = 0.66 v):
///   log I = v log(e x/(2v + 1)) + log(S^2/(v + 1/2))/2 + (1 - log 2 pi)/2 - R(v).
/// `damping` multiplies S: 1, or e^-x for the scaled function.
template <class J>
LONGTAIL_INLINE J series_log_i(const J& v, const J& x, const J& damping) {
  using T = plain_t<J>;
  const J s = (power_series_tail(v, v + T(1.0), x * x * T(0.25)) + T(1.0)) * damping;
  const J y = v + T(0.5);
  const T constant = T(-0.41893853320467274);  // (1 - log(2 pi))/2
  return v * log_e_over_order(v, x) + (T(0.5) * log(s * s / y) + (constant - lgamma_remainder(v)));
}

/// d/dv log I by the series: the mean of d_k = log(x/2) - digamma(v + k + 1) under the weights of
/// its terms (DLMF 10.38.1). Near v = 0 and for large x the mean is tiny beside d_0, so the d_k are
/// averaged themselves, formed by d_k = d_{k-1} - 1/(v + k) with compensation, not their two parts.
template <Real T>
LONGTAIL_INLINE T series_order_slope(T v, T x) {
  const T z = x * x * T(0.25), y = v + T(0.5);
  const Pair<T> start = log_quotient_pair(x, T(T(2.0) * y));
  Pair<T> d = two_sum(start.hi, T(start.lo - gamma_remainder_slope(v)));
  T term = T(1.0), weight = T(1.0), sum = d.hi, low = d.lo;
  for (int k = 1; k < 72; ++k) {
    const T step = T(double(k)), inverse = T(1.0) / (v + step);
    term = term * (z / ((v + step) * step));
    const Pair<T> next = two_sum(d.hi, T(-inverse));
    d = {next.hi, next.lo + d.lo};
    const T part = term * d.hi;
    weight = weight + term;
    sum = sum + part;
    low = low + term * d.lo;
    if (ended(settled(part, sum) & settled(term, weight), term)) break;
  }
  return (sum + low) / weight;
}

/// Series for v < 1/2, near 1 at small x: log1p of what S/Gamma(v + 1) has beyond 1.
template <class J>
LONGTAIL_INLINE J series_low_order_log_i(const J& v, const J& x) {
  using T = plain_t<J>;
  const J tail = power_series_tail(v, v + T(1.0), x * x * T(0.25));
  const J gamma_part = reciprocal_gamma_minus_one(v);
  return v * log_half(x) + log1p(tail + gamma_part * (T(1.0) + tail));
}

template <Method M, class J>
LONGTAIL_INLINE J log_i(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (M == Method::series) {
    return series_log_i(v, x, J(T(1.0)));
  } else if constexpr (M == Method::series_low_order) {
    return series_low_order_log_i(v, x);
  } else {
    const J w = radius(v, x);
    return phase(v, x, w) + T(0.5) * log(uniform_square_i<M>(v, w));
  }
}

/// log I by U and phi in double-double, for the strip where it crosses zero.
template <Method M, Real T>
LONGTAIL_INLINE T exact_log_i(T v, T x) {
  const T w = radius(v, x);
  const Pair<T> parts = log_pair(uniform_square_i<M>(v, w));
  const DoubleDouble<T> log_square = quick_two_sum(parts.hi, parts.lo);
  const DoubleDouble<T> sum = exact_phase(v, x, w) + log_square * T(0.5);
  return sum.hi + sum.lo;
}

/// x - phi = v (a - tanh(a/2)), a = asinh(v/x), without the cancellation of x. The rounding of
/// e^a - 1 is carried along, since it would be the largest error here.
template <Real T>
LONGTAIL_INLINE T scaled_phase(T v, T x, T w) {
  T unit = T(1.0);
  if constexpr (Scalar<T>) {
    if (is_steep(v, x)) return v * (asinh_ratio(v, x, w) - v / (w + x));
    unit = shrink(v, x, w);
  }
  const T half = v / (w + x);
  const T numerator = fma(v, half, v), excess = numerator / x;
  const Pair<T> back = two_prod(excess, x);
  const T rest = ((numerator - back.hi) - back.lo) / x;
  const Pair<T> angle = log_of_sum(two_sum(T(1.0), excess), excess, rest, T(0.0));
  const T rest_of_x = v * ((angle.hi - half) + angle.lo);
  if constexpr (Scalar<T>) return rest_of_x / unit;
  return rest_of_x;
}
template <class T>
LONGTAIL_INLINE Jet<T> scaled_phase(const Jet<T>& v, const Jet<T>& x, const Jet<T>& w) {
  const T angle = asinh_ratio(v.f, x.f, w.f), r = T(1.0) / w.f, cotangent = v.f / x.f;
  const T half_tangent = v.f / (w.f + x.f);
  return chain(v, x,
               {v.f * (angle - half_tangent), angle, -cotangent * half_tangent, r, -cotangent * r,
                cotangent * cotangent * r});
}

template <Method M, class J>
LONGTAIL_INLINE J log_ie(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (M == Method::series) {
    return series_log_i(v, x, exp(-x));
  } else if constexpr (M == Method::series_low_order) {
    // Near x = 0 the log1p form keeps v = 0 exact; later e^-x goes inside before the log.
    const J tail = power_series_tail(v, v + T(1.0), x * x * T(0.25));
    const J gamma_part = reciprocal_gamma_minus_one(v);
    const J excess = tail + gamma_part * (T(1.0) + tail);
    const mask_t<T> near = value(x) < T(0.5);
    const J inner =
        select(near, log1p(select(near, excess, J(T(0.0)))) - x, log((excess + T(1.0)) * exp(-x)));
    return v * log_half(x) + inner;
  } else {
    const J w = radius(v, x);
    return T(0.5) * log(uniform_square_i<M>(v, w)) - scaled_phase(v, x, w);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
