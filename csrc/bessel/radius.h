#pragma once
// w = sqrt(v^2 + x^2), the size that decides every method, and asinh(v/x), the angle.

#include "core/jet.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

// Outside these bounds squares overflow and quotients by x may, so the scalar code branches there;
// the vector kernels leave such elements to the scalar code.
inline constexpr double kTinyArgument = 0x1p-300;
inline constexpr double kHugeArgument = 0x1p+500;
inline constexpr double kHugeScale = 0x1p-600;
inline constexpr double kLn2 = 0x1.62e42fefa39efp-1, kLn2Low = 0x1.abc9e3b39803fp-56;

/// sqrt(v^2 + x^2) for v, x >= 0, not both 0.
template <Real T>
LONGTAIL_INLINE T radius(T v, T x) {
  if constexpr (Scalar<T>) {
    if (!(v < kHugeArgument && x < kHugeArgument)) {
      const T vs = v * kHugeScale, xs = x * kHugeScale;
      return sqrt(fma(vs, vs, xs * xs)) / kHugeScale;
    }
  }
  return sqrt(fma(v, v, x * x));
}
template <class T>
LONGTAIL_INLINE Jet<T> radius(const Jet<T>& v, const Jet<T>& x) {
  const T w = radius(v.f, x.f);
  const T r = 1.0 / w, cosine = v.f * r, sine = x.f * r;
  return chain(v, x, {w, cosine, sine, sine * sine * r, -cosine * sine * r, cosine * cosine * r});
}

/// x/w, the sine of the angle at x; its derivatives in closed form: those of x * (1/w) cancel.
template <Real T>
LONGTAIL_INLINE T sine(T, T x, T w) {
  return x / w;
}
template <class T>
LONGTAIL_INLINE Jet<T> sine(const Jet<T>& v, const Jet<T>& x, const Jet<T>& w) {
  const T r = 1.0 / w.f, s = x.f * r, c = v.f * r, s2 = s * s, c2 = c * c;
  return chain(v, x,
               {s, -s * c * r, c2 * r, s * r * (r * (2.0 * c2 - s2)), c * r * (r * (2.0 * s2 - c2)),
                -3.0 * c2 * s * r * r});
}

/// x/(w + v), the tangent of half that angle.
template <Real T>
LONGTAIL_INLINE T half_tangent(T v, T x, T w) {
  return x / (w + v);
}
template <class T>
LONGTAIL_INLINE Jet<T> half_tangent(const Jet<T>& v, const Jet<T>& x, const Jet<T>& w) {
  const T r = 1.0 / w.f, q = 1.0 / (w.f + v.f), s = x.f * r, c = v.f * r;
  return chain(v, x,
               {x.f * q, -s * q, c * q, s * r * r, (s * s - c) * q * r, -c * s * q * (r + q)});
}

/// ln(x/2), where x/2 is exact.
template <class J>
LONGTAIL_INLINE J log_half(const J& x) {
  using T = plain_t<J>;
  if constexpr (Scalar<T>) {
    if (value(x) < kTinyArgument) return log(x) - T(kLn2);
  }
  return log(x * T(0.5));
}

/// asinh(v/x) = ln((v + w)/x) for v >= 0, x > 0, w = radius(v, x), good relative to itself: for
/// small v/x the argument of log1p is formed without the 1.
template <Real T>
LONGTAIL_INLINE T asinh_ratio(T v, T x, T w) {
  if constexpr (Scalar<T>) {
    if (x < kTinyArgument) return log(v + w) - log(x);
  }
  return log1p((v + v * (v / (w + x))) / x);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
