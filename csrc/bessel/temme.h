#pragma once
// K_v(x) for 0 < x <= 1 by Temme's series at |mu| <= 1/2 and forward recurrence to v = mu + n.
//
//   K_mu = sum c_k f_k,   K_{mu+1} = (2/x) sum c_k (p_k - k f_k),   c_k = (x^2/4)^k / k!
//   f_0 = (cosh(sigma) Gamma_1 + ln(2/x) sinh(sigma)/sigma Gamma_2) Gamma(1+mu) Gamma(1-mu),
//   p_0 = (2/x)^mu Gamma(1+mu)/2,  q_0 = (x/2)^mu Gamma(1-mu)/2,  sigma = mu ln(2/x)
//   f_k = (k f_{k-1} + p_{k-1} + q_{k-1})/(k^2 - mu^2),
//   p_k = p_{k-1}/(k-mu),  q_k = q_{k-1}/(k+mu)
//
// Temme, J. Comput. Phys. 19 (1975) 324-337. For x <= 1 every term of K_mu is positive. The
// recurrence runs on rho_k = x K_{mu+k+1}/K_{mu+k} = 2 (mu+k) + x^2/rho_{k-1}, which neither
// overflows nor cancels.

#include "core/jet.h"
#include "bessel/power_series.h"
#include "bessel/radius.h"
#include "bessel/gamma_terms.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <class J>
struct TemmeStart {
  plain_t<J> steps;  // n = rint(v)
  J mu;              // v - n
  J log_2_over_x;
  J k_mu;       // K_mu(x)
  J rho;        // x K_{mu+1}(x)/K_mu(x)
  J rho_below;  // x K_{mu-1}(x)/K_mu(x), without the cancellation of rho - 2 mu
  J x_power;    // (x/2)^mu
};

/// sinh(s)/s - 1 and cosh(s) - 1, from e = exp(s): series where the exponentials would cancel.
template <class J>
struct HyperbolicTails {
  J sinh_quotient, cosh;
};
template <class J>
LONGTAIL_INLINE HyperbolicTails<J> hyperbolic_tails(const J& s, const J& e) {
  using T = plain_t<J>;
  const J s2 = s * s;
  // 1/(2k+1)! and 1/(2k)!: the next terms are below 2^-60 for |s| < 1.
  const J sinh_series = horner(s2, 1.0 / 6, 1.0 / 120, 1.0 / 5040, 1.0 / 362880, 1.0 / 39916800,
                               1.0 / 6227020800, 1.0 / 1307674368e3, 1.0 / 355687428096e3);
  const J cosh_series =
      horner(s2, 1.0 / 2, 1.0 / 24, 1.0 / 720, 1.0 / 40320, 1.0 / 3628800, 1.0 / 479001600,
             1.0 / 87178291200, 1.0 / 20922789888e3, 1.0 / 6402373705728e3);
  const mask_t<T> small = abs(value(s)) < T(1.0);
  const J safe = select(small, J(T(1.0)), s), inverse = T(1.0) / e;
  return {select(small, s2 * sinh_series, (e - inverse) / (T(2.0) * safe) - T(1.0)),
          select(small, s2 * cosh_series, T(0.5) * (e + inverse) - T(1.0))};
}

/// ln(2/x) from its value.
template <Real T>
LONGTAIL_INLINE T log_2_over(T, T value) {
  return value;
}
template <class T>
LONGTAIL_INLINE Jet<T> log_2_over(const Jet<T>& x, T value) {
  const T up = T(0x1p60);  // the smallest x have no reciprocal
  return -logarithm(-value, (x * up) * (T(1.0) / (x.f * up)));
}

/// `v` may be negative down to -1/2.
template <class J>
LONGTAIL_INLINE TemmeStart<J> temme_start(const J& v, const J& x) {
  using T = plain_t<J>;
  const T n = rint(value(v));
  const J mu = v - n, mu2 = mu * mu;
  // ln(2/x) in two parts: for tiny x its rounding, times mu, would be the error of the exponential.
  const Pair<T> parts = log_pair(value(x)), log_x = quick_two_sum(parts.hi, parts.lo);
  const Pair<T> log_high = two_sum(T(kLn2<T>.high), T(-log_x.hi));
  const T log_low = (log_high.lo - log_x.lo) + T(kLn2<T>.low);
  const J log_2_over_x = log_2_over(x, log_high.hi);
  const Pair<T> product = two_prod(value(mu), log_high.hi);
  const J sigma = mu * log_2_over_x;
  const J e = exp(sigma) * (T(1.0) + fma(value(mu), log_low, product.lo));
  // 1/Gamma(1 +- mu) = even +- mu odd; Temme's Gamma_1 = -odd, Gamma_2 = even.
  const J even_tail = reciprocal_gamma_even_tail(mu2), odd_tail = reciprocal_gamma_odd_tail(mu2);
  const J even = even_tail + T(1.0), odd = odd_tail + T(kEuler<T>.high), skew = mu * odd;
  const J plus = (even_tail + skew) + T(1.0), minus = (even_tail - skew) + T(1.0);
  J p = e * T(0.5) / plus, q = T(0.5) / (e * minus);
  // ln(2/x) sinh(sigma)/sigma even - cosh(sigma) odd: near x = 1 its largest part is ln(2/x) -
  // gamma, taken apart so that little is lost where the two are close.
  const HyperbolicTails<J> tails = hyperbolic_tails(sigma, e);
  const J above = log_2_over_x * (tails.sinh_quotient * even + even_tail);
  const J below = tails.cosh * odd + odd_tail;
  const J leading = (log_2_over_x - T(kEuler<T>.high)) + (log_low - T(kEuler<T>.low));
  J f = (leading + (above - below)) / (sine_quotient_tail(mu2) + T(1.0));
  const J quarter = x * x * T(0.25);
  J c = J(T(1.0)), k_mu = f, scaled_next = p, scaled_before = q;
  for (int k = 1; k < 24; ++k) {
    const J inverse = T(1.0) / (T(double(k) * k) - mu2);
    f = (f * T(k) + p + q) * inverse;
    p = p * (mu + T(k)) * inverse;
    q = q * (T(k) - mu) * inverse;
    c = c * (quarter * T(1.0 / k));
    const J term = c * f, next_term = c * (p - f * T(k));
    const J before_term = c * (q - f * T(k));
    k_mu = k_mu + term;
    scaled_next = scaled_next + next_term;
    scaled_before = scaled_before + before_term;
    const mask_t<T> done =
        settled(term, k_mu) & settled(next_term, scaled_next) & settled(before_term, scaled_before);
    if (k >= kFirstTest<J> && ended(done, c)) break;
  }
  const J twice = T(2.0) / k_mu, rho_below = scaled_before * twice;
  // For mu > 0 the recurrence upwards from K_{mu-1} loses less than the sum of K_{mu+1} does.
  const J rho = select(value(mu) > T(0.0), rho_below + T(2.0) * mu, scaled_next * twice);
  return {n, mu, log_2_over_x, k_mu, rho, rho_below, T(1.0) / e};
}

/// Calls visit(k, rho_k) for the steps k = 0 .. n-1 and returns rho_n; lanes that need fewer steps
/// than their neighbours see `active` false.
template <class J, class Visit>
LONGTAIL_INLINE J temme_recurrence(const TemmeStart<J>& start, const J& x, Visit visit) {
  using T = plain_t<J>;
  const J x2 = x * x;
  J rho = start.rho;
  for (int k = 0; any(T(k) < start.steps); ++k) {
    const mask_t<T> active = T(k) < start.steps;
    visit(k, rho, active);
    rho = select(active, T(2.0) * (start.mu + T(k + 1.0)) + x2 / rho, rho);
  }
  return rho;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
