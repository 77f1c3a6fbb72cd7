#pragma once
// From continuous to discrete states: what a step of length dt makes of dx/dt = A x + B u.
//
//   zero-order hold   a = e^z,                   b = B dt (e^z - 1) / z,   z = dt A
//   bilinear          a = (1 + z/2) / (1 - z/2), b = B dt / (1 - z/2)
//
// Largest error, relative to 1 + |z|: 4e-16 (tests/cpp/test_s4d_math.level.cpp). The series of
// (e^z - 1) / z takes over for |z| < 2^-7, where the difference would lose digits.

#include "core/exp.h"
#include "core/simd.h"
#include "longconv/complex.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

/// cos y, sin y and 1 - cos y, this one without cancellation near 0.
template <class T>
struct Angle {
  T cos, sin, versine;
};
/// By Taylor's series of the rest of y modulo pi/2, to 1e-16 (1 + |y|).
template <Real T>
LONGTAIL_INLINE Angle<T> angle(T y) {
  constexpr double high = 0x1.921fb54442d18p0, low = 0x1.1a62633145c07p-54;  // pi/2
  const T turns = rint(y * 0x1.45f306dc9c883p-1);
  T r = fma(turns, T(-low), fma(turns, T(-high), y));
  r = max(T(-1.0), min(T(1.0), r));  // a y so large that no digit is left; nan stays nan
  const T square = r * r;
  const T s = fma(r * square,
                  horner(square, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800,
                         1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000),
                  r);
  const T v = square * horner(square, 1.0 / 2, -1.0 / 24, 1.0 / 720, -1.0 / 40320, 1.0 / 3628800,
                              -1.0 / 479001600, 1.0 / 87178291200, -1.0 / 20922789888000,
                              1.0 / 6402373705728000);
  const T c = T(1.0) - v;
  const T quadrant = fma(floor(T(turns * 0.25)), T(-4.0), turns);
  const mask_t<T> first = quadrant == T(1.0), second = quadrant == T(2.0),
                  third = quadrant == T(3.0);
  const T cos = select(first, T(-s), select(second, T(-c), select(third, s, c)));
  const T sin = select(first, c, select(second, T(-s), select(third, T(-c), s)));
  return {cos, sin, select(first | second | third, T(T(1.0) - cos), v)};
}

/// a, and b for B = 1.
template <class T>
struct Discrete {
  Complex<T> a, b;
};

template <Real T>
LONGTAIL_INLINE Discrete<T> zero_order_hold(T dt, const Complex<T>& rate) {
  const Complex<T> z = {dt * rate.re, dt * rate.im};
  const Angle<T> turn = angle(z.im);
  const T growth = expm1(z.re), factor = growth + T(1.0);
  const Complex<T> less_one = {fma(growth, turn.cos, T(-turn.versine)), factor * turn.sin};
  const Complex<T> a = {factor * turn.cos, less_one.im};
  Complex<T> quotient = less_one * reciprocal(z);
  const mask_t<T> small = fma(z.re, z.re, T(z.im * z.im)) < T(0x1p-14);
  if (any(small)) {
    Complex<T> series = {T(1.0), T(0.0)};
    for (int k = 8; k > 1; --k) {
      const T inverse = T(1.0 / k);
      const Complex<T> next = series * Complex<T>{z.re * inverse, z.im * inverse};
      series = {next.re + T(1.0), next.im};
    }
    quotient = {select(small, series.re, quotient.re), select(small, series.im, quotient.im)};
  }
  return {a, {dt * quotient.re, dt * quotient.im}};
}

template <Real T>
LONGTAIL_INLINE Discrete<T> bilinear(T dt, const Complex<T>& rate) {
  const Complex<T> half = {dt * rate.re * 0.5, dt * rate.im * 0.5};
  const Complex<T> inverse = reciprocal(Complex<T>{T(1.0) - half.re, -half.im});
  return {Complex<T>{T(1.0) + half.re, half.im} * inverse, {dt * inverse.re, dt * inverse.im}};
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
