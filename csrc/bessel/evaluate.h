#pragma once
// One point of one function: choose the method, run it, at the edges answer directly. This is the
// whole family for CUDA threads; the block kernels run the same formulas on vectors.

#include "bessel/matern_limits.h"
#include "bessel/slopes.h"
#include "bessel/special_cases.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// Function F by method M; J is a real type or a jet.
template <Function F, Method M, class J>
LONGTAIL_INLINE J formula(const J& a, const J& b) {
  if constexpr (F == Function::log_bessel_i) return log_i<M>(a, b);
  if constexpr (F == Function::log_bessel_k) return log_k<M>(a, b);
  if constexpr (F == Function::log_bessel_ie) return log_ie<M>(a, b);
  if constexpr (F == Function::log_bessel_ke) return log_ke<M>(a, b);
  if constexpr (F == Function::bessel_i_ratio) return i_ratio<M>(a, b);
  if constexpr (F == Function::bessel_k_ratio) return k_ratio<M>(a, b);
  if constexpr (F == Function::log_hyp0f1) return log_hyp0f1<M>(a, b);
  if constexpr (F == Function::matern) return matern<M>(a, b);
}

/// Whether the derivative is taken of the slope formula. Not the mixed derivative of log K by
/// Temme's series: its slope holds v/x - v/x + ..., which the value does not.
template <Function F, Method M, int DA, int DB>
inline constexpr bool kFromSlope = DB > 0 && has_slope(F, M) &&
                                   !(DA == 1 && M == Method::temme &&
                                     (F == Function::log_bessel_k || F == Function::log_bessel_ke));

/// Near r = 0 the Matern curvature has a formula of its own.
template <Function F, Method M, int DB>
inline constexpr bool kMaternCurvature = F == Function::matern && DB == 2 && M == Method::temme;

/// d^DA/da^DA d^DB/db^DB of function F by method M.
template <Function F, Method M, int DA, int DB, Real T>
LONGTAIL_INLINE T partial(T a, T b) {
  static_assert(DA + DB <= 2);
  using J = Jet<T>;
  if constexpr (DA + DB == 0) {
    return formula<F, M>(a, b);
  } else if constexpr (kMaternCurvature<F, M, DB>) {
    return matern_curvature<M>(a, b);
  } else if constexpr (DB == 1 && DA == 0 && kFromSlope<F, M, DA, DB>) {
    return slope_formula<F, M>(a, b);
  } else if constexpr (kFromSlope<F, M, DA, DB>) {
    const J slope = slope_formula<F, M>(J::first_variable(a), J::second_variable(b));
    return DA == 1 ? slope.a : slope.b;
  } else if constexpr (DA == 1 && DB == 0 && !is_debye(M) &&
                       (F == Function::log_bessel_i || F == Function::log_bessel_ie)) {
    return series_order_slope(a, b);
  } else {
    const J jet = formula<F, M>(J::first_variable(a), J::second_variable(b));
    if constexpr (DA == 2) return jet.aa;
    if constexpr (DB == 2) return jet.bb;
    if constexpr (DA == 1 && DB == 1) return jet.ab;
    return DA == 1 ? jet.a : jet.b;
  }
}

/// Order and argument of the Bessel function behind F, by which the method is chosen.
template <class T>
struct Coordinates {
  T v, x;
};
template <Function F, Real T>
LONGTAIL_INLINE Coordinates<T> coordinates(T a, T b) {
  if constexpr (F == Function::log_hyp0f1) {
    return {select(a > T(0.0), a - T(1.0), kNan<T>), T(2.0) * sqrt(b)};
  } else if constexpr (F == Function::matern) {
    return {select(a > T(0.0), a, kNan<T>), sqrt(T(2.0) * a) * b};
  } else {
    return {a, b};
  }
}

/// Whether F at order zero has a strip where large parts cancel, and `result` lies in it.
template <Function F, Real T>
LONGTAIL_INLINE mask_t<T> needs_exact(T result, T v, T x) {
  if constexpr (F == Function::log_bessel_i || F == Function::log_bessel_k) {
    // Without fused multiply-adds the plain formula loses more.
    return max(abs(result), T(1.0)) < T(kHasFma ? 0.15 : 0.25) * (v + x);
  } else if constexpr (F == Function::log_bessel_ke) {
    return abs(result) < T(0.5) * v * (v / (v + x));
  } else {
    return mask_t<T>(false);
  }
}
template <Function F, Method M, int DA, int DB>
inline constexpr bool kHasStrip =
    DA + DB == 0 && is_uniform(M) &&
    (F == Function::log_bessel_i || F == Function::log_bessel_k || F == Function::log_bessel_ke);
template <Function F, Method M, Real T>
LONGTAIL_INLINE T exact_value(T v, T x) {
  if constexpr (F == Function::log_bessel_i) return exact_log_i<M>(v, x);
  if constexpr (F == Function::log_bessel_k) return exact_log_k<M>(v, x);
  if constexpr (F == Function::log_bessel_ke) return exact_log_ke<M>(v, x);
}

/// The curvature of log I in v: -trigamma(v + 1) + O(x^2). Jets of the series would need 1/x.
template <Function F, Method M, int DA>
inline constexpr bool kOrderCurvatureOfI =
    (F == Function::log_bessel_i || F == Function::log_bessel_ie) && DA == 2 && !is_debye(M);

/// Derivatives where x is so close to 0 that powers of 1/x overflow and the formulas above would
/// give nan. log I is v log(x/2) + x^2/(4 v + 4) there, the I ratio x/(2v + 2) and the K ratio
/// above order 25 2v/x. Of what Temme's series serves, log K is log Gamma(v) + v ln(2/x) - ln 2 and
/// the K ratio 2v/x unless v is small; the rest is differentiated in ln x, where nothing is large.
template <Function F, Method M, int DA, int DB>
inline constexpr bool kApartNearZero = [] {
  if (F == Function::log_bessel_i || F == Function::log_bessel_ie) {
    return kOrderCurvatureOfI<F, M, DA> || (DB > 0 && DA + DB == 2);
  }
  if (F == Function::bessel_i_ratio) return DB > 0;
  if (F == Function::matern) return M == Method::temme && DA == 1 && DB == 1;
  return F != Function::log_hyp0f1 && (DB > 0 || (DA > 0 && M == Method::temme));
}();

/// x as a variable, differentiated in its logarithm.
template <Scalar T>
LONGTAIL_INLINE Jet<T> log_seed(T x) {
  return {x, T(0.0), x, T(0.0), T(0.0), x};
}

/// Derivatives of the K ratio R from those of x R in v and ln x.
template <int DA, int DB, Scalar T>
LONGTAIL_INLINE T k_ratio_near_zero(const Jet<T>& scaled, T x) {
  if constexpr (DA == 2) return scaled.aa / x;
  if constexpr (DB == 2) return (scaled.bb - T(3.0) * scaled.b + T(2.0) * scaled.f) / x / x / x;
  if constexpr (DA + DB == 2) return (scaled.ab - scaled.a) / x / x;
  return DA == 1 ? scaled.a / x : (scaled.b - scaled.f) / x / x;
}

template <Function F, Method M, int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline T partial_near_zero(T v, T x) {
  if constexpr (kOrderCurvatureOfI<F, M, DA>) {
    return log_i_edge<2, 0, false>(v, T(0.0)).result;
  } else if constexpr (F == Function::log_bessel_i || F == Function::log_bessel_ie) {
    return DA == 1 ? T(1.0) / x : T(0.5) / (v + T(1.0)) - v / x / x;
  } else if constexpr (F == Function::bessel_i_ratio) {
    // The next term of its series is the curvature.
    if constexpr (DB == 2) return T(-0.75) * x / ((v + T(1.0)) * (v + T(1.0)) * (v + T(2.0)));
    return i_ratio_edge<DA, DB>(v, T(0.0)).result;
  } else if constexpr (F == Function::matern) {
    return slope_formula<F, M>(Jet<T>::first_variable(v), log_seed(x)).a;
  } else if constexpr (F == Function::bessel_k_ratio) {
    if (v > T(0.5) && (DA < 2 || x < kLeastArgument<T>)) {
      if constexpr (DB == 0) return DA == 2 ? T(0.0) : T(2.0) / x;
      const T d = T(-2.0) / x / x;
      return DB == 2 ? T(-2.0) * v * d / x : DA == 1 ? d : v * d;
    }
    const Jet<T> at = log_seed(x);
    const TemmeStart<Jet<T>> start = temme_start(Jet<T>::first_variable(v), at);
    const auto ignore = [](int, const Jet<T>&, bool) {};
    return k_ratio_near_zero<DA, DB>(temme_recurrence(start, at, ignore), x);
  } else {
    if (v >= T(kWide<T> ? 0.15 : 0.5)) {
      if constexpr (DB == 0) return DA == 2 ? trigamma(v) : digamma(v) - log_half(x);
      return (DB == 2 ? v / x : DA == 1 ? T(-1.0) : -v) / x;
    }
    const Jet<T> jet = temme_log_k(Jet<T>::first_variable(v), log_seed(x));
    if constexpr (DB == 0) return DA == 2 ? jet.aa : jet.a;
    if constexpr (DB == 2) return (jet.bb - jet.b) / x / x;
    return (DA == 1 ? jet.ab : jet.b) / x;
  }
}

template <Function F, Method M, int DA, int DB, Scalar T>
LONGTAIL_INLINE T evaluate_by(T a, T b) {
  if constexpr (kApartNearZero<F, M, DA, DB>) {
    if (b < kTinyArgument<T>) return partial_near_zero<F, M, DA, DB>(a, b);
  }
  const T result = partial<F, M, DA, DB>(a, b);
  if constexpr (kHasStrip<F, M, DA, DB>) {
    if (b >= kTinyArgument<T> && needs_exact<F>(result, a, b)) return exact_value<F, M>(a, b);
  }
  return result;
}

template <Function F, int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline T evaluate_method(Method method, T a, T b) {
  const auto with = [&]<Method M>() {
    if constexpr (uses(F, DA + DB, M) && M != Method::special) {
      return evaluate_by<F, M, DA, DB>(a, b);
    } else {
      return kNan<T>;
    }
  };
  switch (method) {
    case Method::series_low_order:
      return with.template operator()<Method::series_low_order>();
    case Method::series:
      return with.template operator()<Method::series>();
    case Method::fraction:
      return with.template operator()<Method::fraction>();
    case Method::temme:
      return with.template operator()<Method::temme>();
    case Method::trapezoid_near:
      return with.template operator()<Method::trapezoid_near>();
    case Method::trapezoid_middle:
      return with.template operator()<Method::trapezoid_middle>();
    case Method::trapezoid_far:
      return with.template operator()<Method::trapezoid_far>();
    case Method::tile_5:
      return with.template operator()<Method::tile_5>();
    case Method::tile_4:
      return with.template operator()<Method::tile_4>();
    case Method::tile_3:
      return with.template operator()<Method::tile_3>();
    case Method::tile_2:
      return with.template operator()<Method::tile_2>();
    case Method::tile_1:
      return with.template operator()<Method::tile_1>();
    case Method::tile_0:
      return with.template operator()<Method::tile_0>();
    case Method::debye_21:
      return with.template operator()<Method::debye_21>();
    case Method::debye_12:
      return with.template operator()<Method::debye_12>();
    case Method::debye_9:
      return with.template operator()<Method::debye_9>();
    default:
      return kNan<T>;
  }
}

template <Function F, int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline Edge<T> edge(T a, T b) {
  if constexpr (F == Function::log_bessel_i) return log_i_edge<DA, DB, false>(a, b);
  if constexpr (F == Function::log_bessel_k) return log_k_edge<DA, DB, false>(a, b);
  if constexpr (F == Function::log_bessel_ie) return log_i_edge<DA, DB, true>(a, b);
  if constexpr (F == Function::log_bessel_ke) return log_k_edge<DA, DB, true>(a, b);
  if constexpr (F == Function::bessel_i_ratio) return i_ratio_edge<DA, DB>(a, b);
  if constexpr (F == Function::bessel_k_ratio) return k_ratio_edge<DA, DB>(a, b);
  if constexpr (F == Function::log_hyp0f1) return log_hyp0f1_edge<DA, DB>(a, b);
  if constexpr (F == Function::matern) return matern_edge<DA, DB>(a, b);
}

/// F inside its domain but perhaps beyond the bounds of radius.h.
template <Function F, int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline T evaluate_inside(T a, T b) {
  const Coordinates<T> at = coordinates<F>(a, b);
  const T v = F == Function::log_hyp0f1 ? at.v : abs(at.v), x = at.x;
  // What choose_method leaves to the scalar code has a method here.
  const T least =
      F == Function::log_hyp0f1 ? T(kWide<T> ? -0x1.fffffffffffffp-1 : -0x1.fffffep-1) : T(0.0);
  const bool huge = v >= kHugeArgument<T> || x >= kHugeArgument<T>;
  const bool tiny_result = F == Function::log_hyp0f1 && x * x < v;
  const Method method = huge ? tiny_result ? Method::series : Method::debye_9
                             : static_cast<Method>(int(choose_method<F, DA, DB>(
                                   max(v, least), max(x, kTinyArgument<T>))));
  return evaluate_method<F, DA, DB>(method, a, b);
}

/// Orders below zero. I: symmetric for integers (no order derivative there), otherwise nan. K:
/// even. Ratios follow from both.
template <Function F, int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline T evaluate(T a, T b);

template <Function F, int DA, int DB, Scalar T>
LONGTAIL_OUT_OF_LINE inline T evaluate_negative_order(T v, T x) {
  if constexpr (F == Function::log_bessel_k || F == Function::log_bessel_ke) {
    const T result = evaluate<F, DA, DB>(-v, x);
    return DA == 1 ? -result : result;
  } else if constexpr (F == Function::log_bessel_i || F == Function::log_bessel_ie) {
    if (v != floor(v) || DA > 0) return kNan<T>;
    return evaluate<F, DA, DB>(-v, x);
  } else {
    // R_v = 1/R_u with u = -1 - v; the chain rule in u gives each order derivative a sign.
    if constexpr (F == Function::bessel_i_ratio) {
      if (v != floor(v) || DA > 0) return kNan<T>;
    }
    const T u = T(-1.0) - v;
    const T r = T(1.0) / evaluate<F, 0, 0>(u, x);
    if constexpr (DA + DB == 0) {
      return r;
    } else if constexpr (DA + DB == 1) {
      const T d = evaluate<F, DA, DB>(u, x);
      return (DA == 1 ? d : -d) * r * r;
    } else {
      constexpr int first_a = DA > 0 ? 1 : 0, second_a = DA > 1 ? 1 : 0;
      const T d1 = evaluate<F, first_a, 1 - first_a>(u, x);
      const T d2 = evaluate<F, second_a, 1 - second_a>(u, x);
      const T dd = evaluate<F, DA, DB>(u, x);
      const T result = (T(2.0) * d1 * d2 * r - dd) * r * r;
      return DA == 1 ? -result : result;
    }
  }
}

/// The partial derivative of F at any a and b; nan outside the domain.
template <Function F, int DA, int DB, Scalar T>
LONGTAIL_HOST_DEVICE inline T evaluate(T a, T b) {
  if (a != a || b != b) return kNan<T>;
  if constexpr (F != Function::log_hyp0f1 && F != Function::matern) {
    if (b < T(0.0)) return kNan<T>;
    const T lowest = F == Function::bessel_k_ratio ? T(-0.5) : T(0.0);
    if (a < lowest) return evaluate_negative_order<F, DA, DB>(a, b);
  }
  const Edge<T> e = edge<F, DA, DB>(a, b);
  if (e.finished) return e.result;
  if constexpr (F == Function::matern) {
    const T s = sqrt(T(2.0) * a) * b;
    if (s < kTinyArgument<T>) {
      const T highest = DB > 0 && s < kLeastArgument<T> ? T(0.75) : T(0.5);
      const bool exponential = DB == 2 && a == T(0.5);  // e^-r, whose leading term is straight
      if (a < highest && !exponential) return matern_near_zero<DA, DB>(a, b);
      // M = 1 - O(s), and its mixed derivative is O(sqrt(r)).
      if (DA > 0 && (DB == 0 || s < kLeastArgument<T>)) return T(0.0);
    }
    if (a < kTinyOrder<T>) {
      const T k_0 = exp(evaluate<Function::log_bessel_k, 0, 0>(T(0.0), s));
      const T s_k_1 = s * evaluate<Function::bessel_k_ratio, 0, 0>(T(0.0), s) * k_0;
      return matern_of_tiny_order<DA, DB>(a, b, s, k_0, s_k_1);
    }
  }
  if constexpr (F == Function::log_hyp0f1 && DB == 0) {
    if (a < kTinyOrder<T>) {
      if constexpr (DA > 0) return hyp0f1_of_tiny_order<DA>(a, b);
      if (b > T(1.0))
        return evaluate<Function::log_bessel_i, 0, 0>(T(1.0), T(2.0) * sqrt(b)) +
               (T(0.5) * log(b) - log(a));
      return hyp0f1_of_tiny_order<0>(a, b);
    }
  }
  return evaluate_inside<F, DA, DB>(a, b);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
