#pragma once
// d/dx of every function as a formula of its own, free of the cancellation that differentiating the
// value would bring. Taken at jets these give the mixed and the second derivative too.

#include "bessel/hyp0f1.h"
#include "bessel/matern.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// v/x, whose derivatives are kept apart so that v = 0 stays 0 for the smallest x.
template <Real T>
LONGTAIL_INLINE T quotient(T v, T x) {
  return v / x;
}
template <class T>
LONGTAIL_INLINE Jet<T> quotient(const Jet<T>& v, const Jet<T>& x) {
  const T r = 1.0 / x.f, q = v.f * r;
  return chain(v, x, {q, r, -q * r, T(0.0), -r * r, 2.0 * (q * r) * r});
}

/// I'/I = v/x + I_{v+1}/I_v                                                        (DLMF 10.29.2)
template <Method M, class J>
LONGTAIL_INLINE J log_i_slope(const J& v, const J& x) {
  return quotient(v, x) + i_ratio<is_debye(M) ? M : Method::fraction>(v, x);
}

/// The mean slope c of debye.h for K, by any method that has one.
template <Method M, class J>
LONGTAIL_INLINE J k_slope_mean(const J& v, const J& x, const J& w) {
  using T = plain_t<J>;
  if constexpr (is_trapezoid(M)) {
    return peak_integral<trapezoid_tier(M), true>(v, x, w).slope;
  } else {
    const J r = T(1.0) / w, t = v * r;
    return debye_slope<debye_terms(M)>(t * t, -r, r);
  }
}

/// K_{v-1}/K_v
template <Method M, class J>
LONGTAIL_INLINE J k_ratio_below(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (M == Method::temme && !kIsJet<J>) {
    return temme_ratio_below(v, x).hi;
  } else if constexpr (M == Method::temme) {
    const TemmeStart<J> start = temme_start(v, x);
    J ratio = start.rho_below / x;
    temme_recurrence(start, x, [&](int, const J& rho, mask_t<T> active) {
      ratio = select(active, x / rho, ratio);
    });
    return ratio;
  } else {
    const J w = radius(v, x);
    return half_tangent(v, x, w) + k_slope_mean<M>(v, x, w) * sine(v, x, w);
  }
}

/// K'/K = -(v/x + K_{v-1}/K_v)                                                     (DLMF 10.29.2)
template <Method M, class J>
LONGTAIL_INLINE J log_k_slope(const J& v, const J& x) {
  return -(quotient(v, x) + k_ratio_below<M>(v, x));
}

/// (w - x)/x = (v/x) v/(w + x): what the leading part of a slope has beyond 1.
template <class J>
LONGTAIL_INLINE J leading_excess(const J& v, const J& x, const J& w) {
  return quotient(v, x) * half_tangent(x, v, w);
}
template <Method M, class J>
LONGTAIL_INLINE J log_ie_slope(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (is_debye(M)) {
    const J w = radius(v, x), r = T(1.0) / w, t = v * r;
    const J c = debye_slope<debye_terms(M)>(t * t, r, r);
    return leading_excess(v, x, w) - c * sine(v, x, w);
  } else {
    // v/x - (1 - A) with 1 - A = (A' + (2v + 1) A/x)/(1 + A), the Riccati equation again, used
    // twice: no 1 - A is left.
    const J a_over_x = ratio_fraction_over_x(v, x), a_slope = ratio_slope_series(v, x);
    const J inverse = T(1.0) / (T(1.0) + x * a_over_x);
    const J rest = (a_slope + (T(2.0) * v + T(1.0)) * a_over_x) * inverse;  // 1 - A
    return (quotient(v, x) * rest - (a_over_x + a_slope)) * inverse;
  }
}
template <Method M, class J>
LONGTAIL_INLINE J log_ke_slope(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (M == Method::temme && !kIsJet<J>) {
    const DoubleDouble<T> fall = DoubleDouble<T>(v) / x + temme_ratio_below(v, x);
    return (T(1.0) - fall).hi;
  } else if constexpr (M == Method::temme) {
    return log_k_slope<M>(v, x) + T(1.0);
  } else {
    const J w = radius(v, x);
    return -(leading_excess(v, x, w) + k_slope_mean<M>(v, x, w) * sine(v, x, w));
  }
}

/// d/dz log 0F1(; b; z) = 0F1(; b+1; z)/(b 0F1(; b; z)): the continued fraction of the I ratio with
/// x^2 = 4 z, in which neither z nor b ever stands alone in a denominator; 2 A/x for large w.
template <Method M, class J>
LONGTAIL_INLINE J log_hyp0f1_slope(const J& b, const J& z) {
  using T = plain_t<J>;
  const J four_z = T(4.0) * z;
  if constexpr (M == Method::series) {
    constexpr int steps = 36;
    const J u = b + T(steps + 1.0);
    J h = four_z / (u + sqrt(u * u + four_z));  // x I_{v+k+1}/I_{v+k}, v = b - 1
    for (int k = steps; k >= 1; --k) h = four_z / (T(2.0) * (b + T(double(k))) + h);
    return T(2.0) / (T(2.0) * b + h);
  } else {
    const J v = b - T(1.0), w = radius_of_square(v, z), r = T(1.0) / w, t = v * r;
    const J c = debye_slope<debye_terms(M)>(t * t, r, r);
    return T(2.0) * (T(1.0) / (w + v) - c * r);
  }
}

/// dM/dr = -sqrt(2 nu) M K_{nu-1}/K_nu, since d/ds s^nu K_nu = -s^nu K_{nu-1}   (DLMF 10.29.4)
template <Method M, class J>
LONGTAIL_INLINE J matern_slope(const J& nu, const J& r) {
  using T = plain_t<J>;
  const J scale = sqrt(T(2.0) * nu), s = scale * r;
  return -(scale * matern<M>(nu, r) * k_ratio_below<M>(nu, s));
}

/// d^2M/dr^2 from the equation of s^nu K_nu(s), y'' = y + (2 nu - 1) y'/s: no 1/s is
/// differentiated, so that nu = 1/2, where M = exp(-r), stays exact down to r = 0.
template <Method M, Real T>
LONGTAIL_INLINE T matern_curvature(T nu, T r) {
  const T scale = sqrt(T(2.0) * nu), s = scale * r, excess = T(2.0) * nu - T(1.0);
  const T twice = T(2.0) * nu * matern<M>(nu, r);
  return twice - twice * excess * k_ratio_below<M>(nu, s) / s;  // in this order: 1/s^2 overflows
}

/// Whether F has a slope formula by method M; the K ratio is differentiated as it is.
constexpr bool has_slope(Function f, Method m) {
  if (f == Function::bessel_i_ratio) return m == Method::fraction;
  return f != Function::bessel_k_ratio;
}
template <Function F, Method M, class J>
LONGTAIL_INLINE J slope_formula(const J& a, const J& b) {
  if constexpr (F == Function::log_bessel_i) return log_i_slope<M>(a, b);
  if constexpr (F == Function::log_bessel_k) return log_k_slope<M>(a, b);
  if constexpr (F == Function::log_bessel_ie) return log_ie_slope<M>(a, b);
  if constexpr (F == Function::log_bessel_ke) return log_ke_slope<M>(a, b);
  if constexpr (F == Function::bessel_i_ratio) return ratio_slope_series(a, b);
  if constexpr (F == Function::log_hyp0f1) return log_hyp0f1_slope<M>(a, b);
  if constexpr (F == Function::matern) return matern_slope<M>(a, b);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
