#pragma once
// I_{v+1}/I_v and K_{v+1}/K_v by method.

#include "bessel/fraction.h"
#include "bessel/log_k.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <Method M, class J>
LONGTAIL_INLINE J i_ratio(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (M == Method::fraction) {
    return ratio_fraction(v, x);
  } else {
    const J w = radius(v, x), r = T(1.0) / w, t = v * r;
    const J slope = debye_slope<debye_terms(M)>(t * t, r, r);
    return half_tangent(v, x, w) - slope * sine(v, x, w);
  }
}

/// d/dx of the ratio A for w < kDebyeRadius, a quotient of two sums of positive terms:
///   A' = sum T_k (2v + 1)/(2v + 2k + 2) / sum T_k (2v + k + 1),
///   T_{k+1}/T_k = x^2 (v + k + 1/2) / ((2v + k + 2)(v + k + 1)(k + 1)).
/// From the product series DLMF 10.31.3 for I_v^2, I_{v+1}^2 and I_v I_{v+1}, put into the Riccati
/// equation A' = 1 - A^2 - (2v + 1) A/x: term by term the right side collapses to the above.
template <class J>
LONGTAIL_INLINE J ratio_slope_series(const J& v, const J& x) {
  using T = plain_t<J>;
  const J x2 = x * x, order = v * T(2.0);
  J term = J(T(1.0)), numerator = T(1.0) / (order + T(2.0)), denominator = order + T(1.0);
  for (int k = 0; k < 120; ++k) {
    const T step = T(double(k));
    term = term * (x2 * (v + (step + T(0.5))) /
                   ((order + (step + T(2.0))) * ((v + (step + T(1.0))) * (step + T(1.0)))));
    const J part = term * (order + (step + T(2.0)));
    numerator = numerator + term / (order + (T(2.0) * step + T(4.0)));
    denominator = denominator + part;
    if (k >= kFirstTest<J> && ended(settled(part, denominator), term)) break;
  }
  return (order + T(1.0)) * numerator / denominator;
}

/// Holds down to v = -1/2.
template <Method M, class J>
LONGTAIL_INLINE J k_ratio(const J& v, const J& x) {
  using T = plain_t<J>;
  if constexpr (M == Method::temme) {
    if constexpr (kIsJet<J>) {
      return temme_recurrence(temme_start(v, x), x, [](int, const J&, mask_t<T>) {}) / x;
    } else {
      const DoubleDouble<T> rho = climb(temme_values(v, x), x).rho;
      const T quotient = rho.hi / x;
      // Parts of products overflow before they do: near the end, a rounding more.
      const T most = T(scalar_t<T>(kWide<T> ? 0x1p960 : 0x1p96));
      return select(quotient < most, (rho / x).hi, quotient);
    }
  } else {
    const J w = radius(v, x), r = T(1.0) / w;
    J slope;
    if constexpr (is_trapezoid(M)) {
      slope = peak_integral<trapezoid_tier(M), true>(v, x, w).slope;
    } else {
      const J t = v * r;
      slope = debye_slope<debye_terms(M)>(t * t, -r, r);
    }
    return half_cotangent(v, x, w) + slope * sine(v, x, w);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
