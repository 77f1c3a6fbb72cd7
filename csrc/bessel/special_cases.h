#pragma once
// Values and derivatives at the edges of the domain: 0, infinity, negative arguments. nan comes
// from nan and from outside the domain. Derivatives at an edge are one-sided limits.

#include "core/gamma.h"
#include "bessel/function.h"
#include "bessel/radius.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// A finished result, or the word that the point is inside the domain.
template <class T>
struct Edge {
  bool finished;
  T result;
};
template <Scalar T>
LONGTAIL_INLINE constexpr Edge<T> finished(T result) {
  return {true, result};
}
template <Scalar T>
LONGTAIL_INLINE constexpr Edge<T> inside() {
  return {false, T(0)};
}

/// log I (Scaled: log I e^-x) and its derivatives for v >= 0 at x = 0, x = inf, v = inf.
template <int DA, int DB, bool Scaled, Scalar T>
LONGTAIL_HOST_DEVICE inline Edge<T> log_i_edge(T v, T x) {
  if (v == kInfinity<T> || x == kInfinity<T>) {
    if (v == x) return finished(kNan<T>);
    if (v == kInfinity<T>) return finished(DA + DB == 0 ? -kInfinity<T> : kNan<T>);
    if (DA + DB == 0) return finished(Scaled ? -kInfinity<T> : kInfinity<T>);
    return finished(DB == 1 && DA == 0 && !Scaled ? T(1.0) : T(0.0));
  }
  if (x > T(0.0)) return inside<T>();
  if (DA == 0 && DB == 0) return finished(v == T(0.0) ? T(0.0) : -kInfinity<T>);
  if (DA == 1 && DB == 0) return finished(-kInfinity<T>);
  if (DA == 2) return finished(-trigamma(v + T(1.0)));
  if (DA == 1) return finished(kInfinity<T>);
  if (v > T(0.0)) return finished(DB == 1 ? kInfinity<T> : -kInfinity<T>);
  return finished(DB == 2 ? T(0.5) : Scaled ? T(-1.0) : T(0.0));
}

template <int DA, int DB, bool Scaled, Scalar T>
LONGTAIL_HOST_DEVICE inline Edge<T> log_k_edge(T v, T x) {
  if (v == kInfinity<T> || x == kInfinity<T>) {
    if (v == x) return finished(kNan<T>);
    if (v == kInfinity<T>) return finished(DA + DB == 0 ? kInfinity<T> : kNan<T>);
    if (DA + DB == 0) return finished(-kInfinity<T>);
    return finished(DB == 1 && DA == 0 && !Scaled ? T(-1.0) : T(0.0));
  }
  if (x > T(0.0)) return inside<T>();
  if (DA + DB == 0) return finished(kInfinity<T>);
  if (DA == 0) return finished(DB == 1 ? -kInfinity<T> : kInfinity<T>);
  if (DA == 2) return finished(v > T(0.0) ? trigamma(v) : kInfinity<T>);
  if (v == T(0.0)) return finished(T(0.0));
  return finished(DB == 0 ? kInfinity<T> : -kInfinity<T>);
}

template <int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline Edge<T> i_ratio_edge(T v, T x) {
  if (v == kInfinity<T> || x == kInfinity<T>) {
    if (v == x) return finished(kNan<T>);
    return finished(DA + DB == 0 && x == kInfinity<T> ? T(1.0) : T(0.0));
  }
  if (x > T(0.0)) return inside<T>();
  const T inverse = T(0.5) / (v + T(1.0));
  if (DB == 1) return finished(DA == 0 ? inverse : T(-2.0) * inverse * inverse);
  return finished(T(0.0));
}

template <int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline Edge<T> k_ratio_edge(T v, T x) {
  if (v == kInfinity<T> || x == kInfinity<T>) {
    if (v == x) return finished(kNan<T>);
    if (v == kInfinity<T>) return finished(DA + DB == 0 ? kInfinity<T> : kNan<T>);
    return finished(DA + DB == 0 ? T(1.0) : T(0.0));
  }
  if (x > T(0.0)) return inside<T>();
  if (v == T(-0.5) && DA == 0) return finished(DB == 0 ? T(1.0) : T(0.0));
  if (DA == 2) return finished(T(0.0));
  if (DB == 1) return finished(-kInfinity<T>);
  return finished(kInfinity<T>);
}

template <int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline Edge<T> log_hyp0f1_edge(T b, T z) {
  if (!(b > T(0.0)) || !(z >= T(0.0))) return finished(kNan<T>);
  if (b == kInfinity<T> || z == kInfinity<T>) {
    if (b == z) return finished(kNan<T>);
    if (b == kInfinity<T>) return finished(T(0.0));
    return finished(DA + DB == 0 ? kInfinity<T> : DA == 1 && DB == 0 ? -kInfinity<T> : T(0.0));
  }
  const T inverse = T(1.0) / b;
  if (b >= kHugeArgument<T> && z < T(0.25) * b && DA + DB == 2 && DB > 0) {
    return finished(-inverse * inverse * (DA == 1 ? T(1.0) : inverse));  // of z/b - z^2/(2 b^3)
  }
  if (z > T(0.0)) return inside<T>();
  if (DB == 0) return finished(T(0.0));
  if (DB == 2) return finished(-inverse * inverse / (b + T(1.0)));
  return finished(DA == 0 ? inverse : -inverse * inverse);
}

/// At r = 0 the first derivative in r is that of the even extension: 0, except for nu = 1/2, where
/// exp(-r) has slope -1. Below nu = 1/2 the true slope is -inf; 0 is what training can use.
template <int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline Edge<T> matern_edge(T nu, T r) {
  if (!(nu > T(0.0)) || !(r >= T(0.0))) return finished(kNan<T>);
  if (r == kInfinity<T>) return finished(T(0.0));
  if (nu >= kHugeArgument<T>) {  // its limit, exp(-r^2/2), to O(1/nu)
    const T gauss = exp(T(-0.5) * r * r);
    if (DA > 0 || gauss == T(0.0)) return finished(T(0.0));  // its r^2 may be infinite
    return finished(DB == 0 ? gauss : DB == 1 ? -r * gauss : (r * r - T(1.0)) * gauss);
  }
  // The argument of K, which may overflow: r is so large with it that all of this underflows.
  const T s = sqrt(T(2.0) * nu) * r;
  if (s >= (nu < T(1.0) ? kFarArgument<T> : kHugeArgument<T>)) return finished(T(0.0));
  if (r > T(0.0)) return inside<T>();
  if (DA + DB == 0) return finished(T(1.0));
  if (DA > 0) return finished(T(0.0));
  if (nu == T(0.5)) return finished(DB == 1 ? T(-1.0) : T(1.0));
  if (DB == 1) return finished(T(0.0));
  return finished(nu > T(1.0) ? -nu / (nu - T(1.0)) : nu > T(0.5) ? -kInfinity<T> : kInfinity<T>);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
