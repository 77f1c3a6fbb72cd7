// lgamma, digamma, trigamma and the smooth remainders behind them, within core/contract.h.
#include "core/jet.h"
#include "errors.h"
#include "math_functions.h"

namespace {

constexpr std::size_t kFloats = std::size_t(1) << (test::kEmulated ? 16 : 20);
constexpr std::size_t kDoubles = std::size_t(1) << (test::kEmulated ? 12 : 16);

using Floats = longtail::native<float>;
using Doubles = longtail::native<double>;

// The arguments x >= low, others with their sign changed or left out.
template <class E>
std::vector<E> at_least(double low, const std::vector<E>& sample) {
  std::vector<E> kept;
  for (const E x : sample) {
    if (std::fabs(x) >= low) kept.push_back(std::fabs(x));
  }
  return kept;
}

TEST(float_sample) {
  test::for_each_gamma_function([]<class F>() {
    test::check_contract<F, Floats>(at_least(F::low, test::stratified_floats(kFloats)));
    test::check_contract<F, float>(at_least(F::low, test::stratified_floats(kFloats >> 6)));
  });
}

TEST(double_sample) {
  test::for_each_gamma_function([]<class F>() {
    const auto sample = at_least(F::low, test::mixed_doubles(kDoubles, F::low, F::high));
    test::check_contract<F, Doubles>(sample);
    test::check_contract<F, double>(at_least(F::low, test::mixed_doubles(1 << 10, 8, 20)));
  });
}

TEST(edge_cases) {
  test::for_each_gamma_function([]<class F>() {
    test::check_contract<F, Floats>(at_least(F::low, test::edge_cases<float>()));
    test::check_contract<F, Doubles>(at_least(F::low, test::edge_cases<double>()));
  });
}

TEST(outside_the_domain) {
  for (const double x : {-1e-300, -0.5, -1.0, -1e300, -HUGE_VAL, std::nan("")}) {
    CHECK(std::isnan(longtail::lane(longtail::lgamma(Doubles(x)), 0)));
    CHECK(std::isnan(longtail::lane(longtail::digamma(Doubles(x)), 0)));
    CHECK(std::isnan(longtail::lane(longtail::trigamma(Doubles(x)), 0)));
  }
}

// R(v) as a template on jets gives the R' and R'' that are fitted on their own.
TEST(remainder_of_jets) {
  using Jet = longtail::Jet<double>;
  for (const double v : {0.0, 0.1, 1.0, 7.5, 100.0, 1e6}) {
    const Jet r = longtail::gamma_remainder(Jet::first_variable(v));
    const double slope = longtail::gamma_remainder_slope(v);
    const double curvature = longtail::gamma_remainder_curvature(v);
    const double value = longtail::gamma_remainder(v);
    CHECK(std::fabs(r.f - value) <= 1e-14 * std::fabs(value));
    CHECK(std::fabs(r.a - slope) <= 1e-12 * std::fabs(slope));
    CHECK(std::fabs(r.aa - curvature) <= 1e-10 * std::fabs(curvature));
  }
}

}  // namespace
