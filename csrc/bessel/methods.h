#pragma once
// Which method serves which part of the quadrant v >= 0, x > 0, by w = sqrt(v^2 + x^2).
//
//           | w < 25                                               | w >= 25
//   I, 0F1  | ascending series (apart: v < 1/2)                    | Debye, fewer terms
//   I ratio | continued fraction                                   |   as w grows past
//   K, ...  | x <= 1 Temme's series, else trapezoid (w < 6, 13, 25)|   60, 300, 4000
//
// Borders were placed where the Debye remainder falls below 2^-58 (docs/families/bessel.md shows the
// error map). Every element chooses by its own v and x only, so equal inputs give equal bits.

#include "function.h"
#include "radius.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

enum class Method : int {
  special,  // zero, infinite, nan, negative or extreme arguments: scalar code
  series_low_order,
  series,
  fraction,
  temme,
  trapezoid_near,
  trapezoid_middle,
  trapezoid_far,
  debye_21,
  debye_12,
  debye_8,
  debye_5,
};
inline constexpr int kMethods = 12;

constexpr bool is_debye(Method m) { return m >= Method::debye_21; }
constexpr int debye_terms(Method m) {
  return m == Method::debye_21 ? 21 : m == Method::debye_12 ? 12 : m == Method::debye_8 ? 8 : 5;
}
constexpr bool is_trapezoid(Method m) {
  return m == Method::trapezoid_near || m == Method::trapezoid_middle || m == Method::trapezoid_far;
}
constexpr int trapezoid_tier(Method m) { return int(m) - int(Method::trapezoid_near); }

/// The functions built on I: log I, its scaled form, its ratio, and 0F1. The others stand on K.
constexpr bool built_on_i(Function f) {
  return f == Function::log_bessel_i || f == Function::log_bessel_ie ||
         f == Function::bessel_i_ratio || f == Function::log_hyp0f1;
}

/// Whether function F uses method M at all: the kernels of the others are never compiled.
constexpr bool uses(Function f, Method m) {
  if (m == Method::special || is_debye(m)) return true;
  if (f == Function::bessel_i_ratio) return m == Method::fraction;
  if (f == Function::log_hyp0f1) return m == Method::series;
  if (built_on_i(f)) return m == Method::series || m == Method::series_low_order;
  return m == Method::temme || is_trapezoid(m);
}

inline constexpr double kDebyeRadius = 25.0;

/// The method for finite v, x inside the bounds of radius.h, as a number (a lane each); anything
/// else, nan included, is `special`.
template <Function F, Real T>
LONGTAIL_INLINE T choose_method(T v, T x) {
  const auto code = [](Method m) { return T(double(int(m))); };
  const T w2 = fma(v, v, x * x);
  T near = code(Method::fraction);
  if constexpr (F == Function::log_hyp0f1) {
    near = code(Method::series);
  } else if constexpr (F == Function::log_bessel_i || F == Function::log_bessel_ie) {
    near = select(v < 0.5, code(Method::series_low_order), code(Method::series));
  } else if constexpr (!built_on_i(F)) {
    near = select(w2 < 36.0, code(Method::trapezoid_near), code(Method::trapezoid_middle));
    near = select(w2 < 169.0, near, code(Method::trapezoid_far));
    near = select(x <= 1.0, code(Method::temme), near);
  }
  T far = select(w2 < 9e4, code(Method::debye_12), code(Method::debye_8));
  far = select(w2 < 3600.0, code(Method::debye_21), far);
  far = select(w2 < 1.6e7, far, code(Method::debye_5));
  const T method = select(w2 < kDebyeRadius * kDebyeRadius, near, far);
  const mask_t<T> usual =
      (v >= 0.0) & (v < kHugeArgument) & (x >= kTinyArgument) & (x < kHugeArgument);
  return select(usual, method, code(Method::special));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
