#pragma once
// The rational function of point.h far from 0, in double: numerator and denominator are divided by
// the highest power of |x| that has a coefficient, so that they overflow only where y does.

#include "rational/point.h"

namespace longtail::rational {
inline namespace LONGTAIL_LEVEL {

/// Degree of c[0] + c[1] z + ...: the highest i <= D with c[i] != 0, or 0.
template <int D>
LONGTAIL_HOST_DEVICE inline int degree(const double* c) {
  int d = D;
  while (d > 0 && c[d] == 0.0) --d;
  return d;
}

/// z^k for any integer k, z > 0; inf^0 is 1.
LONGTAIL_HOST_DEVICE inline double power(double z, int k) {
  const double base = k < 0 ? 1.0 / z : z;
  double result = 1.0;
  for (int i = k < 0 ? -k : k; i > 0; --i) result *= base;
  return result;
}

/// The polynomial over z^d and its derivative over z^(d-1), d its degree.
struct Scaled {
  double value, slope;
};
LONGTAIL_HOST_DEVICE inline Scaled scaled_polynomial(const double* c, int d, double inverse) {
  Scaled result = {0.0, 0.0};
  for (int i = 0; i <= d; ++i) {
    result.value = result.value * inverse + c[i];
    result.slope = result.slope * inverse + i * c[i];
  }
  return result;
}

template <int Powers>
struct FarPoint {
  double y;
  double slope;           // dy/dx
  double inner_sign;      // s of version B, 1 in version A
  double over_q[Powers];  // |x|^k/Q
};

/// a: M + 1 coefficients, b: N, as in Coefficients (absolute values in version A).
template <Version V, int M, int N>
LONGTAIL_HOST_DEVICE inline FarPoint<(M > N ? M : N) + 1> far_point(const double* a,
                                                                    const double* b, double x) {
  // In z = |x| odd coefficients take the sign of x.
  const double side = sign_or_one(x), z = abs(x);
  double p[M + 1], q[N + 1];
  for (int i = 0; i <= M; ++i) p[i] = i % 2 == 1 ? side * a[i] : a[i];
  q[0] = V == Version::A ? 1.0 : 0.0;
  for (int j = 1; j <= N; ++j) q[j] = V == Version::B && j % 2 == 1 ? side * b[j - 1] : b[j - 1];

  const int dp = degree<M>(p), dq = degree<N>(q);
  const Scaled top = scaled_polynomial(p, dp, 1.0 / z);
  Scaled bottom = scaled_polynomial(q, dq, 1.0 / z);
  FarPoint<(M > N ? M : N) + 1> result;
  result.inner_sign = 1.0;
  if constexpr (V == Version::B) {
    result.inner_sign = sign_or_one(bottom.value);
    bottom.value = abs(bottom.value) + power(z, -dq);
    bottom.slope = result.inner_sign * bottom.slope;
  }
  const double ratio = top.value / bottom.value, inverse = 1.0 / bottom.value;
  result.y = power(z, dp - dq) * ratio;
  result.slope = side * power(z, dp - dq - 1) * ((top.slope - ratio * bottom.slope) * inverse);
  for (int k = 0; k < (M > N ? M : N) + 1; ++k) result.over_q[k] = power(z, k - dq) * inverse;
  return result;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
