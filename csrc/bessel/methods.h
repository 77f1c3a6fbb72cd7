#pragma once
// Which method serves which part of the quadrant v >= 0, x > 0, by w = sqrt(v^2 + x^2).
//
//                       | near                        | up to w = 25                  | w >= 25
//   I, 0F1              | ascending series, w < 6     | fitted tiles of U_I           | tile, Debye
//   K, Matern           | Temme's series, x <= 1      | fitted tiles of U_K           | tile, Debye
//   I ratio             | continued fraction          | continued fraction            | Debye
//   K ratio, slope of K | Temme's series, x <= 1      | trapezoid                     | Debye
//   derivatives of I    | ascending series            | ascending series              | Debye
//   other derivatives   |                             |                               |
//   of K                | Temme's series, x <= 1/4    | trapezoid                     | Debye
//
// Derivatives keep to formulas that can be differentiated; the fits serve values, up to w = 60.
// Debye takes 21, 12 or 9 terms from w = 25, 60 and 150: there the remainder is below 2^-57. Every
// element chooses by its own v and x only, so equal inputs give equal bits.

#include "bessel/function.h"
#include "bessel/radius.h"

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
  tile_5,
  tile_4,
  tile_3,
  tile_2,
  tile_1,
  tile_0,
  debye_21,
  debye_12,
  debye_9,
};
inline constexpr int kMethods = 17;

constexpr bool is_debye(Method m) { return m >= Method::debye_21; }
constexpr int debye_terms(Method m) {
  return m == Method::debye_21 ? 21 : m == Method::debye_12 ? 12 : 9;
}
constexpr bool is_tile(Method m) { return m >= Method::tile_5 && m <= Method::tile_0; }
constexpr int tile_index(Method m) { return int(Method::tile_0) - int(m); }
/// Whether the method forms e^phi or e^-phi times a factor U.
constexpr bool is_uniform(Method m) { return m >= Method::tile_5; }
constexpr bool is_trapezoid(Method m) {
  return m == Method::trapezoid_near || m == Method::trapezoid_middle || m == Method::trapezoid_far;
}
constexpr int trapezoid_tier(Method m) { return int(m) - int(Method::trapezoid_near); }

/// The functions built on I: log I, its scaled form, its ratio, and 0F1. The others stand on K.
constexpr bool built_on_i(Function f) {
  return f == Function::log_bessel_i || f == Function::log_bessel_ie ||
         f == Function::bessel_i_ratio || f == Function::log_hyp0f1;
}

/// Whether F has a form that the tiles serve.
constexpr bool has_tiles(Function f) {
  return f != Function::bessel_i_ratio && f != Function::bessel_k_ratio;
}

/// Whether function F, differentiated `order` times, uses method M at all; the kernels of other
/// methods are never compiled.
constexpr bool uses(Function f, int order, Method m) {
  if (m == Method::debye_21) return order > 0 || !has_tiles(f) || f == Function::log_hyp0f1;
  if (m == Method::special || is_debye(m)) return true;
  if (is_tile(m)) return order == 0 && has_tiles(f) && (!built_on_i(f) || m >= Method::tile_2);
  if (f == Function::bessel_i_ratio) return m == Method::fraction;
  if (f == Function::log_hyp0f1) return m == Method::series;
  if (built_on_i(f)) return m == Method::series || m == Method::series_low_order;
  if (m == Method::temme) return true;
  return is_trapezoid(m) && !(order == 0 && has_tiles(f));
}

/// Whether Temme's series serves this with its leading terms in pairs (temme_values.h). Elsewhere
/// ratios and slopes lose more to it near x = 1 than to the trapezoid.
constexpr bool carries_pairs(Function f, int da, int db) {
  if (f == Function::bessel_k_ratio) return da + db == 0;
  return (f == Function::log_bessel_k || f == Function::log_bessel_ke) && da == 0 && db <= 1;
}

inline constexpr double kDebyeRadius = 25.0;

/// The method inside w < kDebyeRadius, from w^2.
template <Function F, int DA, int DB, Real T>
LONGTAIL_INLINE T choose_near(T v, T x, T w2) {
  const auto code = [](Method m) { return T(double(int(m))); };
  constexpr bool tiles = DA + DB == 0 && has_tiles(F);
  if constexpr (F == Function::bessel_i_ratio) {
    return code(Method::fraction);
  } else if constexpr (built_on_i(F)) {
    T near = code(Method::series);
    if constexpr (F != Function::log_hyp0f1) {
      near = select(v < T(0.5), code(Method::series_low_order), near);
    }
    if constexpr (!tiles) return near;
    mask_t<T> serial = w2 < T(36.0);
    if constexpr (F == Function::log_hyp0f1) serial = serial | (v < T(0.0)) | (x * x < v);
    const T tile = select(w2 < T(156.25), code(Method::tile_2), code(Method::tile_1));
    return select(serial, near, tile);
  } else if constexpr (tiles) {
    T near = select(w2 < T(2.25), code(Method::tile_5), code(Method::tile_4));
    near = select(w2 < T(9.0), near, code(Method::tile_3));
    near = select(x <= T(1.0), code(Method::temme), near);
    near = select(w2 < T(36.0), near, code(Method::tile_2));
    return select(w2 < T(156.25), near, code(Method::tile_1));
  } else {
    T near = select(w2 < T(36.0), code(Method::trapezoid_near), code(Method::trapezoid_middle));
    near = select(w2 < T(169.0), near, code(Method::trapezoid_far));
    // The slope of log(K e^x) goes to 0 as x grows and needs 1 - K_{v-1}/K_v.
    constexpr bool scaled_slope = F == Function::log_bessel_ke && DB == 1;
    const T limit = T(!carries_pairs(F, DA, DB) ? 0.25 : scaled_slope ? 0.5 : 1.0);
    return select(x <= limit, code(Method::temme), near);
  }
}

/// The method for finite v, x inside the bounds of radius.h, as a number (a lane each); anything
/// else, nan included, is `special`.
template <Function F, int DA, int DB, Real T>
LONGTAIL_INLINE T choose_method(T v, T x) {
  const auto code = [](Method m) { return T(double(int(m))); };
  const T w2 = fma(v, v, x * x);
  constexpr bool fitted = DA + DB == 0 && has_tiles(F) && F != Function::log_hyp0f1;
  T far = select(w2 < T(22500.0), code(Method::debye_12), code(Method::debye_9));
  far = select(w2 < T(3600.0), code(fitted ? Method::tile_0 : Method::debye_21), far);
  mask_t<T> near = w2 < T(kDebyeRadius * kDebyeRadius);
  // log 0F1 = z/b - ... is tiny for z << b: its series keeps it exact at any order.
  if constexpr (F == Function::log_hyp0f1) near = near | (x * x < v);
  const T method = select(near, choose_near<F, DA, DB>(v, x, w2), far);
  const T lowest = T(F == Function::log_hyp0f1 ? -1.0 : 0.0);
  mask_t<T> usual =
      (v >= lowest) & (v < kHugeArgument<T>)&(x >= kTinyArgument<T>)&(x < kHugeArgument<T>);
  // Orders b next to 0 are v = -1.
  if constexpr (F == Function::log_hyp0f1) usual = usual & (v > lowest);
  if constexpr (F == Function::matern) {
    usual = usual & (v >= kTinyOrder<T>)&((x < kFarArgument<T>) | (v >= T(1.0)));
  }
  return select(usual, method, code(Method::special));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
