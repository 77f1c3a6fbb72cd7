// Each function of csrc/core with its two references, its unit of error and its contract.
#pragma once

#include "core/contract.h"
#include "core/gamma.h"
#include "core/hyperbolic.h"
#include "errors.h"
#include "gamma_reference.h"
#include "quad.h"

namespace test {

/// [low, high] is where the function of a double is interesting.
#define LONGTAIL_FUNCTION(function, low_end, high_end, double_reference, quad_reference, error_in) \
  struct Function_##function {                                                                     \
    static constexpr const char* name = #function;                                                 \
    static constexpr longtail::contract::Bound bound = longtail::contract::function;               \
    static constexpr double low = low_end, high = high_end;                                        \
    template <class T>                                                                             \
    static T ours(T x) {                                                                           \
      return longtail::function(x);                                                                \
    }                                                                                              \
    static double error(float x, float y) { return error_in(y, double_reference(double(x))); }     \
    static double error(double x, double y) { return error_in(y, quad_reference(quad(x))); }       \
  };

#define LONGTAIL_MATH_FUNCTION(function, low, high) \
  LONGTAIL_FUNCTION(function, low, high, std::function, quad_math::function, error_in_ulp)
LONGTAIL_MATH_FUNCTION(exp, -746, 710)
LONGTAIL_MATH_FUNCTION(expm1, -40, 710)
LONGTAIL_MATH_FUNCTION(log, 0.5, 2)
LONGTAIL_MATH_FUNCTION(log1p, -1, 20)
LONGTAIL_MATH_FUNCTION(sinh, -711, 711)
LONGTAIL_MATH_FUNCTION(cosh, -711, 711)
LONGTAIL_MATH_FUNCTION(tanh, -20, 20)
LONGTAIL_MATH_FUNCTION(asinh, -1000, 1000)
#undef LONGTAIL_MATH_FUNCTION

/// Error in epsilons of the larger of 1 and the result, and of the result alone while it is normal.
template <class E, class Exact>
double absolute_or_relative(E got, Exact exact) {
  return error_in_epsilon(got, exact, 1);
}
template <class E, class Exact>
double relative(E got, Exact exact) {
  return error_in_epsilon(got, exact, double(std::numeric_limits<E>::min()));
}

LONGTAIL_FUNCTION(lgamma, 0, 100, log_gamma, log_gamma, absolute_or_relative)
LONGTAIL_FUNCTION(digamma, 0, 100, digamma, digamma, absolute_or_relative)
LONGTAIL_FUNCTION(trigamma, 0, 100, trigamma, trigamma, absolute_or_relative)
LONGTAIL_FUNCTION(gamma_remainder, 0, 100, remainder_value, remainder_value, relative)
LONGTAIL_FUNCTION(gamma_remainder_slope, 0, 100, remainder_slope, remainder_slope, relative)
LONGTAIL_FUNCTION(gamma_remainder_curvature, 0, 100, remainder_curvature, remainder_curvature,
                  relative)
LONGTAIL_FUNCTION(stirling_correction, 8, 100, stirling_remainder, stirling_remainder, relative)
#undef LONGTAIL_FUNCTION

/// Calls visit.template operator()<F>() for every function.
template <class Visit>
void for_each_math_function(Visit visit) {
  visit.template operator()<Function_exp>();
  visit.template operator()<Function_expm1>();
  visit.template operator()<Function_log>();
  visit.template operator()<Function_log1p>();
  visit.template operator()<Function_sinh>();
  visit.template operator()<Function_cosh>();
  visit.template operator()<Function_tanh>();
  visit.template operator()<Function_asinh>();
}

template <class Visit>
void for_each_gamma_function(Visit visit) {
  visit.template operator()<Function_lgamma>();
  visit.template operator()<Function_digamma>();
  visit.template operator()<Function_trigamma>();
  visit.template operator()<Function_gamma_remainder>();
  visit.template operator()<Function_gamma_remainder_slope>();
  visit.template operator()<Function_gamma_remainder_curvature>();
  visit.template operator()<Function_stirling_correction>();
}

}  // namespace test
