// digamma, trigamma and what Stirling's formulas leave of lgamma, in the precision of T (double as
// the oracle for float, quad as the oracle for double). Asymptotic series (DLMF 5.11.1 and its
// derivatives) after shifting the argument up by the recurrences.
#pragma once

#include <cmath>

#include "quad.h"

namespace test {

inline double logarithm(double x) { return std::log(x); }
inline quad logarithm(quad x) { return quad_math::log(x); }
inline double log_gamma(double x) { return std::lgamma(x); }
inline quad log_gamma(quad x) { return quad_math::lgamma(x); }

inline constexpr int kBernoulliTerms = 12;
template <class T>
T bernoulli(int k) {  // B_{2k}
  static const double top[] = {1, 1, 1, 1, 5, 691, 7, 3617, 43867, 174611, 854513, 236364091};
  static const double bottom[] = {6, 30, 42, 30, 66, 2730, 6, 510, 798, 330, 138, 2730};
  const T magnitude = T(top[k - 1]) / T(bottom[k - 1]);
  return k % 2 == 1 ? magnitude : -magnitude;
}
template <class T>
T bernoulli_at_half(int k) {  // B_{2k}(1/2) = -(1 - 2^(1-2k)) B_{2k}
  return -(T(1) - T(std::ldexp(1.0, 1 - 2 * k))) * bernoulli<T>(k);
}

inline constexpr int kFar = 40;  // from here on the series are good to 2^-113

/// sum_k c_k (2k-3+order)! / (2k-2)! / x^(2k-1+order): the series of lgamma (order 0) and of its
/// derivatives without their signs.
template <class T>
T gamma_series(T x, int order, T (*c)(int)) {
  const T inverse = T(1) / x, t = inverse * inverse;
  T power = order == 0 ? inverse : order == 1 ? t : t * inverse;
  T sum = 0;
  for (int k = 1; k <= kBernoulliTerms; ++k) {
    const T factor = order == 0   ? T(1) / (T(2 * k) * T(2 * k - 1))
                     : order == 1 ? T(1) / T(2 * k)
                                  : T(1);
    sum += c(k) * factor * power;
    power *= t;
  }
  return sum;
}

template <class T>
T digamma(T x) {
  T shift = 0;
  for (; x < T(kFar); x += T(1)) shift += T(1) / x;
  return logarithm(x) - T(1) / (T(2) * x) - gamma_series<T>(x, 1, bernoulli<T>) - shift;
}
template <class T>
T trigamma(T x) {
  T shift = 0;
  for (; x < T(kFar); x += T(1)) shift += T(1) / (x * x);
  return T(1) / x + T(1) / (T(2) * x * x) + gamma_series<T>(x, 2, bernoulli<T>) + shift;
}

template <class T>
T half_log_two_pi() {
  return logarithm(T(8) * quad_math::atan(quad(1))) / T(2);
}

/// R(v), R'(v), R''(v) of core/gamma_remainder.h.
template <class T>
T remainder_value(T v) {
  const T w = v + T(0.5);
  if (w > T(kFar)) return gamma_series<T>(w, 0, bernoulli_at_half<T>);
  return log_gamma(v + T(1)) - w * (logarithm(w) - T(1)) - half_log_two_pi<T>();
}
template <class T>
T remainder_slope(T v) {
  const T w = v + T(0.5);
  if (w > T(kFar)) return -gamma_series<T>(w, 1, bernoulli_at_half<T>);
  return digamma(v + T(1)) - logarithm(w);
}
template <class T>
T remainder_curvature(T v) {
  const T w = v + T(0.5);
  if (w > T(kFar)) return gamma_series<T>(w, 2, bernoulli_at_half<T>);
  return trigamma(v + T(1)) - T(1) / w;
}
template <class T>
T stirling_remainder(T v) {
  if (v > T(kFar)) return gamma_series<T>(v, 0, bernoulli<T>);
  return log_gamma(v + T(1)) - (v + T(0.5)) * logarithm(v) + v - half_log_two_pi<T>();
}

}  // namespace test
