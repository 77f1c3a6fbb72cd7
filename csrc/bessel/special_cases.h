#pragma once
// Values and derivatives at the edges of the domain: 0, infinity, negative arguments. nan comes
// from nan and from outside the domain. Derivatives at an edge are one-sided limits.

#include "core/gamma.h"
#include "bessel/function.h"
#include "bessel/radius.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

inline constexpr double kInf = kInfinity<double>;
inline constexpr double kNotANumber = kNan<double>;

/// A finished result, or a call to make on reflected arguments.
struct Edge {
  bool finished;
  double result;
};
LONGTAIL_INLINE constexpr Edge finished(double result) { return {true, result}; }
LONGTAIL_INLINE constexpr Edge inside() { return {false, 0.0}; }

/// log I (Scaled: log I e^-x) and its derivatives for v >= 0 at x = 0, x = inf, v = inf.
template <int DA, int DB, bool Scaled>
LONGTAIL_HOST_DEVICE inline Edge log_i_edge(double v, double x) {
  if (v == kInf || x == kInf) {
    if (v == x) return finished(kNotANumber);
    if (v == kInf) return finished(DA + DB == 0 ? -kInf : kNotANumber);
    if (DA + DB == 0) return finished(Scaled ? -kInf : kInf);
    return finished(DB == 1 && DA == 0 && !Scaled ? 1.0 : 0.0);
  }
  if (x > 0.0) return inside();
  if (DA == 0 && DB == 0) return finished(v == 0.0 ? 0.0 : -kInf);
  if (DA == 1 && DB == 0) return finished(-kInf);
  if (DA == 2) return finished(-trigamma(v + 1.0));
  if (DA == 1) return finished(kInf);
  if (v > 0.0) return finished(DB == 1 ? kInf : -kInf);
  return finished(DB == 2 ? 0.5 : Scaled ? -1.0 : 0.0);
}

template <int DA, int DB, bool Scaled>
LONGTAIL_HOST_DEVICE inline Edge log_k_edge(double v, double x) {
  if (v == kInf || x == kInf) {
    if (v == x) return finished(kNotANumber);
    if (v == kInf) return finished(DA + DB == 0 ? kInf : kNotANumber);
    if (DA + DB == 0) return finished(-kInf);
    return finished(DB == 1 && DA == 0 && !Scaled ? -1.0 : 0.0);
  }
  if (x > 0.0) return inside();
  if (DA + DB == 0) return finished(kInf);
  if (DA == 0) return finished(DB == 1 ? -kInf : kInf);
  if (DA == 2) return finished(v > 0.0 ? trigamma(v) : kInf);
  if (v == 0.0) return finished(0.0);
  return finished(DB == 0 ? kInf : -kInf);
}

template <int DA, int DB>
LONGTAIL_HOST_DEVICE inline Edge i_ratio_edge(double v, double x) {
  if (v == kInf || x == kInf) {
    if (v == x) return finished(kNotANumber);
    return finished(DA + DB == 0 && x == kInf ? 1.0 : 0.0);
  }
  if (x > 0.0) return inside();
  const double inverse = 0.5 / (v + 1.0);
  if (DB == 1) return finished(DA == 0 ? inverse : -2.0 * inverse * inverse);
  return finished(0.0);
}

template <int DA, int DB>
LONGTAIL_HOST_DEVICE inline Edge k_ratio_edge(double v, double x) {
  if (v == kInf || x == kInf) {
    if (v == x) return finished(kNotANumber);
    if (v == kInf) return finished(DA + DB == 0 ? kInf : kNotANumber);
    return finished(DA + DB == 0 ? 1.0 : 0.0);
  }
  if (x > 0.0) return inside();
  if (v == -0.5 && DA == 0) return finished(DB == 0 ? 1.0 : 0.0);
  if (DA == 2) return finished(0.0);
  if (DB == 1) return finished(-kInf);
  return finished(kInf);
}

template <int DA, int DB>
LONGTAIL_HOST_DEVICE inline Edge log_hyp0f1_edge(double b, double z) {
  if (!(b > 0.0) || !(z >= 0.0)) return finished(kNotANumber);
  if (b == kInf || z == kInf) {
    if (b == z) return finished(kNotANumber);
    if (b == kInf) return finished(0.0);
    return finished(DA + DB == 0 ? kInf : DA == 1 && DB == 0 ? -kInf : 0.0);
  }
  if (z > 0.0) return inside();
  const double inverse = 1.0 / b;
  if (DB == 0) return finished(0.0);
  if (DB == 2) return finished(-inverse * inverse / (b + 1.0));
  return finished(DA == 0 ? inverse : -inverse * inverse);
}

/// At r = 0 the first derivative in r is that of the even extension: 0, except for nu = 1/2, where
/// exp(-r) has slope -1. Below nu = 1/2 the true slope is -inf; 0 is what training can use.
template <int DA, int DB>
LONGTAIL_HOST_DEVICE inline Edge matern_edge(double nu, double r) {
  if (!(nu > 0.0) || !(r >= 0.0)) return finished(kNotANumber);
  if (r == kInf) return finished(0.0);
  if (nu == kInf) {
    const double gauss = exp(-0.5 * r * r);
    if (DA > 0) return finished(0.0);
    return finished(DB == 0 ? gauss : DB == 1 ? -r * gauss : (r * r - 1.0) * gauss);
  }
  if (r > 0.0) return inside();
  if (DA + DB == 0) return finished(1.0);
  if (DA > 0) return finished(0.0);
  if (nu == 0.5) return finished(DB == 1 ? -1.0 : 1.0);
  if (DB == 1) return finished(0.0);
  return finished(nu > 1.0 ? -nu / (nu - 1.0) : nu > 0.5 ? -kInf : kInf);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
