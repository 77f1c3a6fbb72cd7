#pragma once
// log K_v(x) and log(K_v(x) e^x) by method.

#include "bessel/log_i.h"
#include "bessel/quadrature.h"
#include "bessel/temme_values.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// U_K^2 pi / (2 w): the factor of K^2 beside e^(-2 phi).
template <Method M, class J>
LONGTAIL_INLINE J uniform_square_k(const J& v, const J& x, const J& w) {
  using T = plain_t<J>;
  const J r = T(1.0) / w;
  const J u = uniform_factor_k<M>(v, x, r);
  return u * u * (r * T(0x1.921fb54442d18p+0));  // pi/2
}

/// log K_{mu+n} = log(K_mu prod rho_k) - n log x; for x <= 1 both parts are positive.
template <Real T>
LONGTAIL_INLINE T temme_log_k(const T& v, const T& x) {
  const TemmeValues<T> start = temme_values(v, x);
  const DoubleDouble<T> scaled = climb(start, x).scaled;
  const T log_high = log(scaled.hi) - start.steps * start.log_x.hi;
  return log_high + (scaled.lo / scaled.hi - start.steps * start.log_x.lo);
}
template <class T>
LONGTAIL_INLINE Jet<T> temme_log_k(const Jet<T>& v, const Jet<T>& x) {
  using J = Jet<T>;
  const TemmeStart<J> start = temme_start(v, x);
  // With tiny x and a high order the product leaves the range of float, though not of double.
  constexpr bool scaled = !kWide<T>;
  J product = start.k_mu * T(scaled ? 0x1p-80 : 1.0);
  temme_recurrence(start, x, [&](int, const J& rho, mask_t<T> active) {
    product = select(active, product * rho, product);
  });
  const J log_k = log(product) + start.steps * (start.log_2_over_x - T(kLn2<T>.high));
  return scaled ? log_k + T(80) * T(kLn2<T>.high) : log_k;
}

template <Method M, class J>
LONGTAIL_INLINE J log_k(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (M == Method::temme) {
    return temme_log_k(v, x);
  } else if constexpr (is_trapezoid(M)) {
    const J w = radius(v, x);
    const J log_g = log(peak_integral<trapezoid_tier(M), false>(v, x, w).g);
    if constexpr (kIsJet<J>) {
      return log_g - phase(v, x, w);
    } else {
      const DoubleDouble<T> phi = exact_phase(v, x, w);
      return (log_g - phi.lo) - phi.hi;
    }
  } else {
    const J w = radius(v, x);
    return T(0.5) * log(uniform_square_k<M>(v, x, w)) - phase(v, x, w);
  }
}

/// log K by U and phi in double-double, for the strip where it crosses zero.
template <Method M, Real T>
LONGTAIL_INLINE T exact_log_k(T v, T x) {
  const T w = radius(v, x);
  const Pair<T> parts = log_pair(uniform_square_k<M>(v, x, w));
  const DoubleDouble<T> log_square = quick_two_sum(parts.hi, parts.lo);
  const DoubleDouble<T> sum = log_square * T(0.5) - exact_phase(v, x, w);
  return sum.hi + sum.lo;
}

template <Method M, class J>
LONGTAIL_INLINE J log_ke(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (M == Method::temme) {
    return temme_log_k(v, x) + x;
  } else if constexpr (is_trapezoid(M)) {
    const J w = radius(v, x);
    const J log_g = log(peak_integral<trapezoid_tier(M), false>(v, x, w).g);
    if constexpr (kIsJet<J>) {
      return log_g + scaled_phase(v, x, w);
    } else {
      const DoubleDouble<T> phi = exact_phase(v, x, w);
      return (x - phi.hi) + (log_g - phi.lo);
    }
  } else {
    const J w = radius(v, x);
    return T(0.5) * log(uniform_square_k<M>(v, x, w)) + scaled_phase(v, x, w);
  }
}

/// x - phi in double-double where it is small beside w: v^2/(2x) (1 - y^2/12 + y^4/40), y = v/x,
/// for y < 2^-10, from the double-double phase above that.
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> exact_scaled_phase(T v, T x, T w) {
  const DoubleDouble<T> y = DoubleDouble<T>{v, T(0.0)} / x;
  const T y2 = y.hi * y.hi;
  const DoubleDouble<T> half = y * (T(0.5) * v);
  const T correction = half.hi * y2 * fma(y2, T(1.0 / 40), T(-1.0 / 12));
  const DoubleDouble<T> near = half + correction;
  const DoubleDouble<T> far = DoubleDouble<T>{x, T(0.0)} - exact_phase(v, x, w);
  const mask_t<T> flat = y.hi < T(0x1p-10);
  return {select(flat, near.hi, far.hi), select(flat, near.lo, far.lo)};
}

/// log(K e^x) by U and phi in double-double, for the strip where it crosses zero.
template <Method M, Real T>
LONGTAIL_INLINE T exact_log_ke(T v, T x) {
  const T w = radius(v, x);
  const Pair<T> parts = log_pair(uniform_square_k<M>(v, x, w));
  const DoubleDouble<T> log_square = quick_two_sum(parts.hi, parts.lo);
  const DoubleDouble<T> sum = log_square * T(0.5) + exact_scaled_phase(v, x, w);
  return sum.hi + sum.lo;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
