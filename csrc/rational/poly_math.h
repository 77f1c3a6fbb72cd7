#pragma once
// The formulas of poly.h at a point and for a row's statistics, for every T.
//
// With u = x^p, r_p = (mean(u^2) + eps)^(-1/2), S_p = sum g u over a row of n:
//   y = c_3 x^3 + c_2 x^2 + c_1 x + b,                 c_3 = w_0 r_3, c_2 = w_1 r_2, c_1 = w_2 r_1
//   dx = g y' - (3 k_3 x^5 + 2 k_2 x^3 + k_1 x),       k_p = w r_p^3 S_p / n
//   dw_0 = sum over rows of r_3 S_3, and so on

#include "core/simd.h"

namespace longtail::rational {
inline namespace LONGTAIL_LEVEL {

/// c_1, c_2, c_3 and the bias: a cubic.
template <class T>
struct Cubic {
  T linear, square, cube, bias;
};
template <Real T>
LONGTAIL_INLINE T cubic(const Cubic<T>& c, T x) {
  return fma(fma(fma(c.cube, x, c.square), x, c.linear), x, c.bias);
}
template <Real T>
LONGTAIL_INLINE T cubic_slope(const Cubic<T>& c, T x) {
  return fma(fma(T(3) * c.cube, x, T(2) * c.square), x, c.linear);
}

/// What normalisation takes back: k_1 x + 2 k_2 x^3 + 3 k_3 x^5, the factors 2 and 3 inside.
template <class T>
struct Pull {
  T first, third, fifth;
};
template <Real T>
LONGTAIL_INLINE T pull(const Pull<T>& k, T x) {
  const T z = x * x;
  return x * fma(fma(k.fifth, z, k.third), z, k.first);
}

/// sum x^2, x^4, x^6 of a row, and sum g, g x, g x^2, g x^3.
struct RowSums {
  double even[3] = {};
  double with_grad[4] = {};
};
/// r_1, r_2, r_3.
struct RowScale {
  double r[3];
};
LONGTAIL_HOST_DEVICE inline RowScale row_scale(const RowSums& sums, std::int64_t n, double eps) {
  RowScale scale;
  for (int p = 0; p < 3; ++p) {
    scale.r[p] = 1.0 / sqrt(sums.even[p] / static_cast<double>(n) + eps);
  }
  return scale;
}
/// weight: cube, square, linear, as users give them.
LONGTAIL_HOST_DEVICE inline Cubic<double> row_cubic(const RowScale& scale, const double* weight,
                                                    double bias) {
  return {weight[2] * scale.r[0], weight[1] * scale.r[1], weight[0] * scale.r[2], bias};
}
LONGTAIL_HOST_DEVICE inline Pull<double> row_pull(const RowScale& scale, const RowSums& sums,
                                                  const double* weight, std::int64_t n) {
  const double* r = scale.r;
  const double* s = sums.with_grad;
  const double inverse = 1.0 / static_cast<double>(n);
  return {weight[2] * r[0] * r[0] * (r[0] * s[1] * inverse),
          2 * weight[1] * r[1] * r[1] * (r[1] * s[2] * inverse),
          3 * weight[0] * r[2] * r[2] * (r[2] * s[3] * inverse)};
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
