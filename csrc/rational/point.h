#pragma once
// The safe rational function (Pade activation unit; Molina, Schramowski, Kersting 2020) at a point:
//
//   y = P/Q,  P = a_0 + a_1 x + ... + a_m x^m
//   version A: Q = 1 + |b_1||x| + ... + |b_n||x|^n
//   version B: Q = 1 + |b_1 x + ... + b_n x^n|
//
// and its derivatives, with R = dP/dx, S = dQ/dx, r = 1/Q:
//
//   dy/dx = (R - y S) r,   dy/da_i = x^i r,
//   A: dy/db_j = -sign(b_j) y |x|^j r,   B: dy/db_j = -s y x^j r, s the sign of the inner
//   polynomial.
//
// Never P/(Q Q), which loses half of dy/dx once Q^2 overflows. sign(0) is +1 for b_j and s: with
// b = 0, as in the identity, a zero there would never let the denominator learn. d|x|/dx is 0 at 0.

#include "core/simd.h"

namespace longtail::rational {
inline namespace LONGTAIL_LEVEL {

enum class Version : int { A, B };

/// One group's coefficients, spread over the lanes of T; b holds |b_j| in version A.
template <int M, int N, Real T>
struct Coefficients {
  T a[M + 1];
  T b[N];
};

template <Real T>
struct Point {
  T y;             // P/Q
  T scaled_slope;  // Q dy/dx
  T inverse;       // 1/Q
  T inner_sign;    // s of version B, 1 in version A
};

/// a where the sign bit of x is clear, else -a.
template <Real T>
LONGTAIL_INLINE T flip_sign(T a, T x) {
  return from_bits(int_t<T>(bits(a) ^ (bits(x) & Format<scalar_t<T>>::sign)));
}
/// sign(x) with sign(0) = 1.
template <Real T>
LONGTAIL_INLINE T sign_or_one(T x) {
  return select(x < T(0), T(-1), T(1));
}

/// c[0] + c[1] x + ... + c[D] x^D, and its derivative if Slope.
template <int D, bool Slope, Real T>
LONGTAIL_INLINE void polynomial(const T* c, T x, T& value, T& slope) {
  value = c[D];
  slope = T(0);
  if constexpr (D > 0) {
    slope = c[D];
    value = fma(value, x, c[D - 1]);
    for (int i = D - 2; i >= 0; --i) {
      if constexpr (Slope) slope = fma(slope, x, value);
      value = fma(value, x, c[i]);
    }
  }
}

/// Inside |x| <= kSafeArgument, where no power overflows.
template <Version V, int M, int N, bool Slope, Real T>
LONGTAIL_INLINE Point<T> point(const Coefficients<M, N, T>& c, T x) {
  T p, p_slope, q, q_slope;
  polynomial<M, Slope>(c.a, x, p, p_slope);
  const T z = V == Version::A ? abs(x) : x;
  // Q - 1 = z (b_1 + b_2 z + ...)
  T tail, tail_slope;
  polynomial<N - 1, Slope>(c.b, z, tail, tail_slope);
  const T inner = z * tail;
  T inner_sign = T(1);
  if constexpr (V == Version::B) inner_sign = sign_or_one(inner);
  q = T(1) + (V == Version::A ? inner : abs(inner));
  Point<T> result;
  result.inverse = T(1) / q;
  result.y = p * result.inverse;
  result.inner_sign = inner_sign;
  if constexpr (Slope) {
    q_slope = fma(tail_slope, z, tail);
    if constexpr (V == Version::A) q_slope = select(x == T(0), T(0), flip_sign(q_slope, x));
    if constexpr (V == Version::B) q_slope = inner_sign * q_slope;
    result.scaled_slope = fma(-result.y, q_slope, p_slope);
  }
  return result;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
