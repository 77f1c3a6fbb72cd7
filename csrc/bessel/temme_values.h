#pragma once
// Temme's series (temme.h) for values, with its leading terms in two parts: K_mu(x) and
// x K_{mu+1}(x) to about an eps for 0 < x <= 1, |mu| <= 1/2. With m = |mu| only one of the two
// neighbours is summed,
//
//   x K_{1-m} = 2 sum c_k (q_k - k f_k),   x K_{1+m} = x K_{1-m} + 2 m K_m          (DLMF 10.29.1)
//
// and the terms k = 0 and 1, which dominate and for x near 1 cancel, are made of pairs.

#include "bessel/temme.h"
#include "core/double_double.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <Real T>
struct TemmeValues {
  T steps;                // n = rint(v)
  T mu;                   // v - n
  DoubleDouble<T> log_x;  // normalised
  DoubleDouble<T> k_mu;   // K_mu(x)
  DoubleDouble<T> next;   // x K_{mu+1}(x)
  DoubleDouble<T> below;  // x K_{mu-1}(x)
};

/// `v` may be negative down to -1/2.
template <Real T>
LONGTAIL_INLINE TemmeValues<T> temme_values(T v, T x) {
  const T n = rint(v), mu = v - n, m = abs(mu), m2 = m * m;
  const Pair<T> parts = log_pair(x), log_x = quick_two_sum(parts.hi, parts.lo);
  const Pair<T> log_2_over_x = two_sum(T(kLn2<T>.high), T(-log_x.hi));
  const T log_low = (log_2_over_x.lo - log_x.lo) + T(kLn2<T>.low);
  const Pair<T> sigma = two_prod(m, log_2_over_x.hi);
  const ScaledPair<T> e = exp_scaled(T(-sigma.hi), T(-fma(m, log_low, sigma.lo)));  // (x/2)^m

  const T even_tail = reciprocal_gamma_even_tail(m2), odd_tail = reciprocal_gamma_odd_tail(m2);
  const T odd = odd_tail + T(kEuler<T>.high), skew = m * odd;
  const DoubleDouble<T> plus = quick_two_sum(T(1.0), T(even_tail + skew));
  const DoubleDouble<T> minus = quick_two_sum(T(1.0), T(even_tail - skew));
  const DoubleDouble<T> power = scale(DoubleDouble<T>(quick_two_sum(e.value.hi, e.value.lo)), e.n);
  const DoubleDouble<T> p0 = T(0.5) / (power * plus), q0 = T(0.5) * (power / minus);

  const HyperbolicTails<T> tails = hyperbolic_tails(sigma.hi, T(T(1.0) / power.hi));
  const T above = log_2_over_x.hi * fma(tails.sinh_quotient, even_tail + T(1.0), even_tail);
  const T below = fma(tails.cosh, odd, odd_tail);
  const Pair<T> leading = two_sum(log_2_over_x.hi, T(-kEuler<T>.high));
  const T correction = (above - below) + (leading.lo + (log_low - T(kEuler<T>.low)));
  const DoubleDouble<T> numerator = two_sum(leading.hi, correction);
  const DoubleDouble<T> sine = quick_two_sum(T(1.0), sine_quotient_tail(m2));
  const DoubleDouble<T> f0 = numerator / sine;

  const DoubleDouble<T> c1 = DoubleDouble<T>(two_prod(x, T(x * T(0.25))));
  const DoubleDouble<T> one_plus = two_sum(T(1.0), m), one_minus = two_sum(T(1.0), T(-m));
  const DoubleDouble<T> f1 = (f0 + p0 + q0) / (one_plus * one_minus), q1 = q0 / one_plus;
  const DoubleDouble<T> k_leading = f0 + c1 * f1, next_leading = q0 + c1 * (q1 - f1);

  const T quarter = c1.hi;
  T p = p0.hi / one_minus.hi, q = q1.hi, f = f1.hi, c = quarter;
  T k_rest = T(0.0), next_rest = T(0.0);
  mask_t<T> done = mask_t<T>(false);
  for (int k = 2; k < 24; ++k) {
    const T inverse = T(1.0) / (T(double(k) * k) - m2);
    f = (f * T(k) + p + q) * inverse;
    p = p * (m + T(k)) * inverse;
    q = q * (T(k) - m) * inverse;
    c = c * (quarter * T(1.0 / k));
    const T term = c * f, next_term = c * (q - f * T(k));
    done = done | (settled(term, k_leading.hi) & settled(next_term, next_leading.hi));
    if (all(done)) break;
    k_rest = k_rest + select(done, T(0.0), term);
    next_rest = next_rest + select(done, T(0.0), next_term);
  }
  const DoubleDouble<T> k_mu = k_leading + k_rest;
  const DoubleDouble<T> half = next_leading + next_rest;
  const DoubleDouble<T> next = {T(2.0) * half.hi, T(2.0) * half.lo};
  const DoubleDouble<T> far = next + k_mu * (T(2.0) * m);
  const mask_t<T> up = mu > T(0.0);
  return {n, mu, log_x, k_mu, select(up, far, next), select(up, next, far)};
}

/// Where the recurrence rho_k = x K_{mu+k+1}/K_{mu+k} = 2 (mu + k) + x^2/rho_{k-1} ends (DLMF
/// 10.29.1): neither it nor the product of its terms cancels or overflows.
template <Real T>
struct Climb {
  DoubleDouble<T> scaled;     // K_v x^n
  DoubleDouble<T> rho;        // x K_{v+1}/K_v
  DoubleDouble<T> rho_below;  // x K_v/K_{v-1}
};
template <Real T>
LONGTAIL_INLINE Climb<T> climb(const TemmeValues<T>& start, T x) {
  const T x2 = x * x;
  DoubleDouble<T> rho = start.next / start.k_mu, rho_below = rho;
  DoubleDouble<T> scaled = select(start.steps > T(0.0), start.next, start.k_mu);
  for (int k = 1; any(T(double(k)) <= start.steps); ++k) {
    const T step = T(double(k)), next = T(2.0) * (start.mu + step) + x2 / rho.hi;
    const mask_t<T> active = step <= start.steps;
    rho_below = select(active, rho, rho_below);
    rho = select(active, DoubleDouble<T>(next), rho);
    scaled = select(step < start.steps, scaled * next, scaled);
  }
  return {scaled, rho, rho_below};
}

/// K_{v-1}/K_v
template <Real T>
LONGTAIL_INLINE DoubleDouble<T> temme_ratio_below(T v, T x) {
  const TemmeValues<T> start = temme_values(v, x);
  const DoubleDouble<T> at_start = start.below / (start.k_mu * x);
  return select(start.steps > T(0.0), x / climb(start, x).rho_below, at_start);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
