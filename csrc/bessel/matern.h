#pragma once
// The Matern correlation 2^(1-nu)/Gamma(nu) s^nu K_nu(s), s = sqrt(2 nu) r, without forming any of
// its factors: they overflow and cancel.

#include "bessel/ratios.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// With nu = mu + n: 2 (s/2)^mu K_mu times mu/Gamma(1 + mu) for n = 0, or times
/// rho_0/2 prod_{0<k<n} rho_k/(2 (mu + k)) / Gamma(1 + mu), each factor near 1.
template <class J>
LONGTAIL_INLINE J temme_matern(const J& nu, const J& s) {
  using T = plain_t<J>;
  const TemmeStart<J> start = temme_start(nu, s);
  J product = start.mu;
  temme_recurrence(start, s, [&](int k, const J& rho, mask_t<T> active) {
    const J factor = k == 0 ? rho * T(0.5) : product * rho / (T(2.0) * (start.mu + T(double(k))));
    product = select(active, factor, product);
  });
  const J gamma = reciprocal_gamma_minus_one(start.mu) + T(1.0);
  return T(2.0) * gamma * start.x_power * start.k_mu * product;
}

/// log M = nu log1p((w-nu-1)/(2nu+1)) - (w-nu-1/2) + log(h)/2 - R(nu), where h = 2 nu^2 G^2/pi/y
/// holds the square of G = K e^phi, y = nu + 1/2: from log Gamma(nu) by its remainder R.
template <Method M, class J>
LONGTAIL_INLINE J log_matern(const J& nu, const J& s) {
  using T = plain_t<J>;
  const J w = radius(nu, s), y = nu + T(0.5);
  const J gap = s * (s / (w + nu));
  J square;  // 2 G^2/pi
  if constexpr (is_trapezoid(M)) {
    const J g = peak_integral<trapezoid_tier(M), false>(nu, s, w).g;
    square = g * g * T(0x1.45f306dc9c883p-1);
  } else {
    const J r = T(1.0) / w;
    const J u = uniform_factor_k<M>(nu, s, r);
    square = u * u * r;
  }
  const J angle = nu * log1p(T(0.5) * ((gap - T(1.0)) / y));
  const J half_log = T(0.5) * log(square * nu * (nu / y));
  return angle - (gap - T(0.5)) + (half_log - lgamma_remainder(nu));
}

template <Method M, class J>
LONGTAIL_INLINE J matern(const J& nu, const J& r) {
  using T = plain_t<J>;
  const J s = sqrt(T(2.0) * nu) * r;
  if constexpr (M == Method::temme) {
    // 1 - O(s): orders below 1/2 do not come here with such s.
    if constexpr (Scalar<T>) {
      if (value(s) < kTinyArgument<T>) return J(T(1.0));
    }
    return temme_matern(nu, s);
  } else {
    return exp(log_matern<M>(nu, s));
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
