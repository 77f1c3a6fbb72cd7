#pragma once
// phi = w - v asinh(v/x), the exponent that I and K share: I ~ e^phi, K ~ e^-phi.
//
// d phi/dv = -asinh(v/x), d phi/dx = w/x. phi = 0 at x = 0.66274 v, where w and v asinh cancel.

#include "core/double_double.h"
#include "core/jet.h"
#include "bessel/radius.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// phi to about eps w: enough wherever |log I| is not small beside w. The roundings of w + v and of
/// the quotient would weigh v times; they are carried along.
template <Real T>
LONGTAIL_INLINE T phase(T v, T x, T w) {
  if constexpr (Scalar<T>) {
    if (is_steep(v, x)) return w - v * log_cotangent(v, x, w);
  }
  T unit = T(1.0);
  if constexpr (Scalar<T>) unit = shrink(v, x, w);
  const Pair<T> sum = quick_two_sum(w, v);
  const T quotient = sum.hi / x;
  const Pair<T> back = two_prod(quotient, x);
  const T rest = ((sum.hi - back.hi) - back.lo) + sum.lo;
  const Pair<T> angle = log_pair(quotient);
  const T phi = fma(-v, angle.hi, w) - v * (angle.lo + rest / sum.hi);
  if constexpr (Scalar<T>) return phi / unit;
  return phi;
}
template <class T>
LONGTAIL_INLINE Jet<T> phase(const Jet<T>& v, const Jet<T>& x, const Jet<T>& w) {
  const T angle = asinh_ratio(v.f, x.f, w.f), r = T(1.0) / w.f, cotangent = v.f / x.f;
  return chain(
      v, x, {w.f - v.f * angle, -angle, w.f / x.f, -r, cotangent * r, -cotangent * cotangent * r});
}

/// phi to about 2^-85 of w, for the strip where log I and log K cross zero.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> exact_phase(T v, T x, T w) {
  T unit = T(1.0);
  if constexpr (Scalar<T>) unit = shrink(v, x, w);  // phi is homogeneous of degree one
  // w + w_low = sqrt(v^2 + x^2): one Newton step on the exact residual.
  const Pair<T> vv = two_prod(v, v), xx = two_prod(x, x), ww = two_prod(w, w);
  const Pair<T> squares = two_sum(vv.hi, xx.hi);
  const T residual = (squares.hi - ww.hi) + ((squares.lo + vv.lo) + (xx.lo - ww.lo));
  const T w_low = residual / (T(2.0) * w);
  const DoubleDouble<T> quotient = (DoubleDouble<T>{w, w_low} + v) / x;
  const DoubleDouble<T> phi = DoubleDouble<T>{w, w_low} - log_dd(quotient) * v;
  if constexpr (Scalar<T>) return {phi.hi / unit, phi.lo / unit};
  return phi;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
