// The C++ API on the caller's buffers: broadcasting, types, orders and errors. Its values are
// tested against high precision in tests/bessel.
#include "bessel/bessel.h"

#include <array>
#include <cmath>
#include <vector>

#include "bessel/names.h"
#include "test.h"

namespace {

using longtail::bessel::Function;

// log I_{1/2}(x) = log(sqrt(2 / (pi x)) sinh x), and the same for K, have closed forms.
double log_i_half(double x) { return std::log(std::sqrt(2 / (M_PI * x)) * std::sinh(x)); }
double log_k_half(double x) { return std::log(std::sqrt(M_PI / (2 * x))) - x; }

TEST(half_integer_orders) {
  const std::vector<double> v = {0.5}, x = {0.25, 1, 2, 7};
  std::vector<double> i(4), k(4), ie(4), ke(4);
  longtail::log_bessel_i(v, x, i);
  longtail::log_bessel_k(v, x, k);
  longtail::log_bessel_ie(v, x, ie);
  longtail::log_bessel_ke(v, x, ke);
  for (int j = 0; j < 4; ++j) {
    CHECK(std::abs(i[j] - log_i_half(x[j])) < 1e-13);
    CHECK(std::abs(k[j] - log_k_half(x[j])) < 1e-13);
    CHECK(std::abs(ie[j] - (log_i_half(x[j]) - x[j])) < 1e-13);
    CHECK(std::abs(ke[j] - (log_k_half(x[j]) + x[j])) < 1e-13);
  }
}

TEST(float_rounds_the_double_result) {
  const std::vector<float> v = {0.5f, 1.5f, 30.0f}, x = {2.0f, 0.5f, 10.0f};
  const std::vector<double> wide_v(v.begin(), v.end()), wide_x(x.begin(), x.end());
  std::vector<float> narrow(3);
  std::vector<double> wide(3);
  longtail::bessel_i_ratio(v, x, narrow);
  longtail::bessel_i_ratio(wide_v, wide_x, wide);
  for (int j = 0; j < 3; ++j) CHECK_EQUAL(narrow[j], static_cast<float>(wide[j]));
}

TEST(any_thread_pool_gives_the_same_bits) {
  std::vector<double> v(9000), x(9000), serial(9000), pooled(9000);
  for (int j = 0; j < 9000; ++j) v[j] = 0.01 * j, x[j] = 1 + 0.003 * j;
  int calls = 0;
  longtail::log_bessel_i(v, x, serial);
  longtail::log_bessel_i(v, x, pooled,
                         [&](std::int64_t begin, std::int64_t end, std::int64_t grain,
                             const longtail::RangeTask& task) {
                           for (; begin < end; begin += grain, ++calls) {
                             task(begin, std::min(end, begin + grain));
                           }
                         });
  CHECK(serial == pooled);
  CHECK(calls > 1);
}

TEST(derivative_by_name) {
  const std::vector<double> v = {2.0}, x = {3.0};
  std::vector<double> slope(1), ratio(1), value(1), same(1);
  longtail::derivative(Function::log_bessel_i, {0, 1}, v, x, slope);
  longtail::bessel_i_ratio(v, x, ratio);
  // I_v' = I_{v+1} + v/x I_v
  CHECK(std::abs(slope[0] - (ratio[0] + 2.0 / 3.0)) < 1e-6);
  longtail::log_bessel_i(v, x, value);
  longtail::derivative(Function::log_bessel_i, {0, 0}, v, x, same);
  CHECK_EQUAL(same[0], value[0]);
}

TEST(errors_name_the_argument) {
  std::vector<double> two(2), three(3), none;
  CHECK_THROWS(longtail::log_bessel_i(two, three, three), "log_bessel_i", "`v`", "length 2", "3");
  CHECK_THROWS(longtail::matern(three, two, three), "matern", "`r`", "length 2", "3");
  CHECK_THROWS(longtail::log_hyp0f1(three, none, three), "log_hyp0f1", "`z`", "length 0");
  CHECK_THROWS(longtail::derivative(Function::matern, {2, 1}, three, three, three), "matern",
               "`order`", "(2, 1)");
  CHECK_THROWS(longtail::derivative(Function::matern, {-1, 1}, three, three, three), "(-1, 1)");
  longtail::log_bessel_k(none, none, none);
}

TEST(signatures_follow_the_enumeration) {
  CHECK_EQUAL(std::string(longtail::bessel::signature(Function::matern).name), "matern");
  CHECK_EQUAL(std::string(longtail::bessel::signature(Function::log_hyp0f1).second), "z");
}

}  // namespace
