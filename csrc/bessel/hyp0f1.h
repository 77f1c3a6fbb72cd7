#pragma once
// log 0F1(; b; z): Gamma(v + 1) (x/2)^-v I_v(x) with v = b - 1, x = 2 sqrt(z), without the large
// parts of log Gamma, v log x and log I that cancel. The normaliser of von Mises-Fisher.

#include "bessel/ratios.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// The form with U_I for v >= 0, x = 2 sqrt(z), w = sqrt(v^2 + 4 z):
///   log((v + 1/2) U^2/w)/2 + R(v) + (w - v - 1/2) - v log1p((w - v - 1)/(2v + 1)).
template <Method M, class J>
LONGTAIL_INLINE J uniform_log_hyp0f1(const J& v, const J& z, const J& w) {
  using T = plain_t<J>;
  const J r = T(1.0) / w, y = v + T(0.5);
  const J u = uniform_factor_i<M>(v, r);
  const J gap = T(2.0) * (z / (T(0.5) * w + T(0.5) * v));
  const J half_log = T(0.5) * log(y * r * u * u);
  const J angle = v * log1p(T(0.5) * ((gap - T(1.0)) / y));
  return (gap - T(0.5)) - angle + (half_log + lgamma_remainder(v));
}

template <Method M, class J>
LONGTAIL_INLINE J log_hyp0f1(const J& b, const J& z) {
  using T = plain_t<J>;
  if constexpr (M == Method::series) {
    return log1p(power_series_tail(b - T(1.0), b, z));
  } else if constexpr (is_tile(M)) {  // chosen for b >= 1 only
    const J v = b - T(1.0);
    return uniform_log_hyp0f1<M>(v, z, radius_of_square(v, z));
  } else {
    // Below b = 1: 0F1(b) = 0F1(b+1) (1 + x A/(2b)), A = I_{b+1}/I_b      (DLMF 10.29.1)
    const mask_t<T> low = value(b) < T(1.0);
    const J v = select(low, b, b - T(1.0));
    const J w = radius_of_square(v, z), r = T(1.0) / w, t = v * r;
    const J slope = debye_slope<debye_terms(M)>(t * t, r, r);
    const J x_ratio = T(4.0) * (z * (T(1.0) / (w + v) - slope * r));
    const J result = uniform_log_hyp0f1<M>(v, z, w);
    const J step = log1p(select(low, x_ratio / (T(2.0) * b), J(T(0.0))));
    return select(low, result + step, result);
  }
}

/// b below kTinyOrder, where 0F1 = 1 + g/b, g = z + z^2/2 + z^3/12 + ... = sqrt(z) I_1(2 sqrt z),
/// and its derivatives in b: neither z/b nor g need be numbers. The value is asked for z <= 1 only.
template <int DA, Scalar T>
LONGTAIL_HOST_DEVICE inline T hyp0f1_of_tiny_order(T b, T z) {
  T g = z, quotient = T(0.0);  // b/g, nothing for z > 1
  if (z <= T(1.0)) {
    T sum = T(1.0);
    for (int k = 18; k >= 2; --k) sum = T(1.0) + sum * z / T(double(k) * (k - 1));
    g = z * sum;
    quotient = b / g;
  }
  if constexpr (DA == 0) return g / b < kInfinity<T> ? log1p(g / b) : log(g) - log(b);
  const T slope = T(1.0) / (b * (T(1.0) + quotient));
  return DA == 1 ? -slope : slope * (T(1.0) + quotient / (T(1.0) + quotient)) / b;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
