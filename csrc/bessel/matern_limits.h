#pragma once
// The Matern correlation where its order or its distance is so small that s = sqrt(2 nu) r, its
// derivatives or those of K leave the range of numbers, though M and its own do not.

#include "core/gamma.h"
#include "bessel/gamma_terms.h"
#include "core/double_double.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// s < kTinyArgument, nu < 1/2: of the series of K only the leading terms count,
///   M = 1 - e^E,  E = log(Gamma(1 - nu)/Gamma(1 + nu)) - 2 nu ln(2/s)   (DLMF 10.25.2, 10.27.4).
/// s itself may underflow, so that its logarithm is that of r and half that of 2 nu.
template <int DA, int DB, Scalar T>
LONGTAIL_OUT_OF_LINE inline T matern_near_zero(T nu, T r) {
  const T twice = T(2.0) * nu;
  const Pair<T> of_r = log_pair(r), of_order = log_pair(twice);
  const DoubleDouble<T> log_s = DoubleDouble<T>(quick_two_sum(of_r.hi, of_r.lo)) +
                                DoubleDouble<T>(quick_two_sum(of_order.hi, of_order.lo)) * T(0.5);
  const DoubleDouble<T> log_2_over_s = DoubleDouble<T>{kLn2<T>.high, kLn2<T>.low} - log_s;
  const T even = reciprocal_gamma_even_tail(nu * nu) + T(1.0);
  const T odd = reciprocal_gamma_odd_tail(nu * nu) + T(kEuler<T>.high);
  const DoubleDouble<T> whole = log1p(twice * odd / (even - nu * odd)) - log_2_over_s * twice;
  if constexpr (DA + DB == 0) return -expm1(whole.hi);
  // e^E underflows where e^E/r does not, and that overflows where 2 nu e^E/r does not.
  DoubleDouble<T> e = whole;
  if constexpr (DB > 0) e = e - DoubleDouble<T>{of_r.hi, of_r.lo};
  if constexpr (DA == 0) e = e + DoubleDouble<T>{of_order.hi, of_order.lo};
  const T power = exp(e.hi) * (e.lo + T(1.0));
  const T above = T(1.0) + nu, below = T(1.0) - nu;
  const T slope = T(1.0) - (T(2.0) * log_2_over_s.hi + (digamma(below) + digamma(above)));
  if constexpr (DA == 2) {
    return -power * (slope * slope + (T(1.0) / nu + (trigamma(below) - trigamma(above))));
  }
  if constexpr (DB == 2) return power * (T(1.0) - twice) / r;
  if constexpr (DA + DB == 2) return -power * (twice * slope + T(2.0));
  return DA == 1 ? -power * slope : -power;
}

/// nu < kTinyOrder: M = 2 nu K_0(s), from K_0(s) and s K_1(s). The derivative of s in nu is s/(2
/// nu).
template <int DA, int DB, Scalar T>
LONGTAIL_INLINE T matern_of_tiny_order(T nu, T r, T s, T k_0, T s_k_1) {
  const T twice = T(2.0) * nu, curved = s * s * k_0;
  if constexpr (DA == 2) return (curved - T(2.0) * s_k_1) / twice;
  if constexpr (DB == 2) return twice * (curved + s_k_1) / r / r;
  if constexpr (DA + DB == 2) return (curved - T(2.0) * s_k_1) / r;
  if constexpr (DA == 1) return T(2.0) * k_0 - s_k_1;
  return DB == 1 ? -twice * s_k_1 / r : twice * k_0;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
