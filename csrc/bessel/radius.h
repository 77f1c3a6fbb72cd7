#pragma once
// w = sqrt(v^2 + x^2), the size that decides every method, and asinh(v/x), the angle.

#include "core/jet.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

// Outside these bounds squares overflow and quotients by x may, so the scalar code branches there;
// the vector kernels leave such elements to the scalar code.
template <class T>
inline constexpr bool kWide = sizeof(scalar_t<plain_t<T>>) == 8;
template <class T>
inline constexpr scalar_t<T> kTinyArgument = scalar_t<T>(kWide<T> ? 0x1p-300 : 0x1p-50);
template <class T>
inline constexpr scalar_t<T> kHugeArgument = scalar_t<T>(kWide<T> ? 0x1p+500 : 0x1p+50);
/// Below this reciprocals overflow, of x and of what is a little smaller.
template <class T>
inline constexpr scalar_t<T> kLeastArgument = scalar_t<T>(kWide<T> ? 0x1p-1000 : 0x1p-110);
/// Orders beside which nu ln s, the relative change of the Matern correlation over nu, is nothing.
template <class T>
inline constexpr scalar_t<T> kTinyOrder = scalar_t<T>(kWide<T> ? 0x1p-80 : 0x1p-34);
/// Arguments at which the Matern correlations of orders below 1 have long underflowed.
template <class T>
inline constexpr scalar_t<T> kFarArgument = scalar_t<T>(0x1p+20);
template <class T>
inline constexpr scalar_t<T> kHugeScale = scalar_t<T>(kWide<T> ? 0x1p-600 : 0x1p-70);

/// A constant as the sum of a T and its rest: `hi` is the double nearest to it, `lo` what is left.
template <class T>
struct SplitConstant {
  using S = scalar_t<T>;
  S high, low;
  constexpr SplitConstant(double hi, double lo) : high(S(hi)), low(S((hi - double(S(hi))) + lo)) {}
};
template <class T>
inline constexpr SplitConstant<T> kLn2{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

/// sqrt(v^2 + x^2) for v, x >= 0, not both 0.
template <Real T>
LONGTAIL_INLINE T radius(T v, T x) {
  if constexpr (Scalar<T>) {
    if (!(v < kHugeArgument<T> && x < kHugeArgument<T>)) {
      const T vs = v * kHugeScale<T>, xs = x * kHugeScale<T>;
      return sqrt(fma(vs, vs, xs * xs)) / kHugeScale<T>;
    }
  }
  return sqrt(fma(v, v, x * x));
}
/// Divides arguments whose sums may overflow by a power of two and returns what it multiplied with.
template <Scalar T>
LONGTAIL_INLINE T shrink(T& v, T& x, T& w) {
  const T unit = v < kHugeArgument<T> && x < kHugeArgument<T> ? T(1.0) : kHugeScale<T>;
  v = v * unit;
  x = x * unit;
  w = w * unit;
  return unit;
}
template <class T>
LONGTAIL_INLINE Jet<T> radius(const Jet<T>& v, const Jet<T>& x) {
  const T w = radius(v.f, x.f);
  const T r = T(1.0) / w, cosine = v.f * r, sine = x.f * r;
  return chain(v, x, {w, cosine, sine, sine * sine * r, -cosine * sine * r, cosine * cosine * r});
}

/// x/w, the sine of the angle at x; its derivatives in closed form: those of x * (1/w) cancel.
template <Real T>
LONGTAIL_INLINE T sine(T, T x, T w) {
  return x / w;
}
template <class T>
LONGTAIL_INLINE Jet<T> sine(const Jet<T>& v, const Jet<T>& x, const Jet<T>& w) {
  const T r = T(1.0) / w.f, s = x.f * r, c = v.f * r, s2 = s * s, c2 = c * c;
  return chain(v, x,
               {s, -s * c * r, c2 * r, s * r * (r * (T(2.0) * c2 - s2)),
                c * r * (r * (T(2.0) * s2 - c2)), -T(3.0) * c2 * s * r * r});
}

/// (v + w)/2, which never overflows.
template <Real T>
LONGTAIL_INLINE T half_sum(T v, T w) {
  return fma(v, T(0.5), T(0.5) * w);
}

/// x/(w + v), the tangent of half that angle.
template <Real T>
LONGTAIL_INLINE T half_tangent(T v, T x, T w) {
  return T(0.5) * (x / half_sum(v, w));
}
template <class T>
LONGTAIL_INLINE Jet<T> half_tangent(const Jet<T>& v, const Jet<T>& x, const Jet<T>& w) {
  const T r = T(1.0) / w.f, q = T(1.0) / (w.f + v.f), s = x.f * r, c = v.f * r;
  return chain(v, x,
               {x.f * q, -s * q, c * q, s * r * r, (s * s - c) * q * r, -c * s * q * (r + q)});
}

/// (w + v)/x, its reciprocal.
template <Real T>
LONGTAIL_INLINE T half_cotangent(T v, T x, T w) {
  return T(2.0) * (half_sum(v, w) / x);
}
template <class T>
LONGTAIL_INLINE Jet<T> half_cotangent(const Jet<T>& v, const Jet<T>& x, const Jet<T>& w) {
  const T r = T(1.0) / w.f, s = x.f * r, c = v.f * r, s2 = s * s, up = T(1.0) + c;
  const T q = (w.f + v.f) / x.f, i = T(1.0) / x.f;
  return chain(
      v, x,
      {q, up * i, -c * (q * i), s * r * r, -up * (c + s2) * i * i, c * (up + s2) * q * i * i});
}

/// sqrt(v^2 + 4 z) for v >= 0, z > 0.
template <Real T>
LONGTAIL_INLINE T radius_of_square(T v, T z) {
  if constexpr (Scalar<T>) {
    if (!(v < kHugeArgument<T> && z < kHugeArgument<T>)) return radius(v, T(T(2.0) * sqrt(z)));
  }
  return sqrt(fma(v, v, T(4.0) * z));
}
template <class T>
LONGTAIL_INLINE Jet<T> radius_of_square(const Jet<T>& v, const Jet<T>& z) {
  const T w = radius_of_square(v.f, z.f), r = T(1.0) / w, c = v.f * r;
  const T s2 = T(4.0) * r * (z.f * r), two_r = T(2.0) * r;
  return chain(v, z, {w, c, two_r, s2 * r, -c * two_r * r, -two_r * two_r * r});
}

/// ln(x/2), where x/2 is exact.
template <class J>
LONGTAIL_INLINE J log_half(const J& x) {
  using T = plain_t<J>;
  if constexpr (Scalar<T>) {
    if (value(x) < kTinyArgument<T>) return log(x) - T(kLn2<T>.high);
  }
  return log(x * T(0.5));
}

/// Whether v/x may overflow; its logarithm is then large, and good as a difference.
template <Scalar T>
LONGTAIL_INLINE bool is_steep(T v, T x) {
  return x < kTinyArgument<T> || v * T(0x1p-20) > x;
}
/// ln((v + w)/x) for such arguments.
template <Scalar T>
LONGTAIL_INLINE T log_cotangent(T v, T x, T w) {
  return (log(T(0.5) * v + T(0.5) * w) - log(x)) + kLn2<T>.high;
}

/// asinh(v/x) = ln((v + w)/x) for v >= 0, x > 0, w = radius(v, x), good relative to itself: for
/// small v/x the argument of log1p is formed without the 1.
template <Real T>
LONGTAIL_INLINE T asinh_ratio(T v, T x, T w) {
  if constexpr (Scalar<T>) {
    if (is_steep(v, x)) return log_cotangent(v, x, w);
    shrink(v, x, w);
  }
  return log1p((v + v * (v / (w + x))) / x);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
