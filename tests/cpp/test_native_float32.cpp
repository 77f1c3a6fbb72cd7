// The family in float32 throughout, as GPUs with slow float64 run it: the same templates with
// T = float, against T = double at the same arguments, whose own error (tests/bessel) is 1e-9 of
// what is allowed here. Bounds: csrc/bessel/contract.json, "native_float32", in the measures that
// the file explains, eps = 2^-23.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>

#include "bessel/evaluate.h"
#include "bessel/names.h"
#include "test.h"

namespace {

using namespace longtail::bessel;

double bound(const std::string& key) {
  static const std::string text = [] {
    std::ifstream file(LONGTAIL_BESSEL_CONTRACT);
    std::stringstream all;
    all << file.rdbuf();
    return all.str().substr(all.str().find("\"native_float32\""));
  }();
  const std::size_t at = text.find("\"" + key + "\":");
  if (at == std::string::npos) test::fail(__FILE__, __LINE__, "no bound " + key);
  return std::strtod(text.c_str() + at + key.size() + 3, nullptr);
}

struct Point {
  double v, x;
};

/// The grids of tests/bessel/grids.py as far as float32 reaches; G holds the extremes.
class Grid {
 public:
  explicit Grid(char name) : name_(name), engine_(static_cast<unsigned>(name)) {}

  Point next() {
    switch (name_) {
      case 'A':
        return {log_uniform(1e-3, 20), log_uniform(1e-3, 50)};
      case 'B':
        return {log_uniform(1, 200), log_uniform(1e-2, 700)};
      case 'C':
        return {log_uniform(200, 1e5), log_uniform(1, 1e6)};
      case 'D': {
        const double p = log_uniform(64, 32768);
        return {p / 2 - 1, log_uniform(0.01 * p, 50 * p)};
      }
      case 'E': {
        const double v = log_uniform(1e-3, 1e4);
        return {v, v * log_uniform(10, 1e6)};
      }
      case 'F':
        return {0.5 * (count_++ % 3), log_uniform(1e-8, 1e12)};
      case 'S': {  // the strip where log I and log K cross zero
        const double v = log_uniform(10, 1e30);
        return {v, v * log_uniform(0.6, 0.75)};
      }
      default:
        return {log_uniform(1e-30, 1e30), log_uniform(1e-30, 1e30)};
    }
  }

 private:
  double log_uniform(double low, double high) {
    return low * std::pow(high / low, std::uniform_real_distribution<>(0, 1)(engine_));
  }
  char name_;
  std::mt19937_64 engine_;
  int count_ = 0;
};

constexpr bool is_ratio(Function f) {
  return f == Function::bessel_i_ratio || f == Function::bessel_k_ratio;
}

constexpr double kEps = 0x1p-23;
constexpr double kTiny = 0x1p-100;  // from here up relative bounds hold

double ulp(double a) {
  int exponent;
  std::frexp(static_cast<float>(a), &exponent);
  return std::ldexp(1.0, std::max(exponent - 24, -149));
}

/// The error in the measure of its class; `log_f` is log |f| of the function itself.
template <Function F, int DA, int DB>
double measure(double error, double exact, Point p, double log_f) {
  const double size = std::abs(exact), w = std::hypot(p.v, p.x), f = std::exp(log_f);
  const double log_size = std::max(std::abs(log_f), 1.0);
  if constexpr (DA == 1) {
    const double scale = std::max(std::asinh(p.v / p.x), 1e-3);
    if constexpr (F == Function::log_hyp0f1) return error / std::max(size, scale + 1 / (p.v + 1));
    const double m = F == Function::matern ? f * log_size : is_ratio(F) ? f : 1.0;
    return error / std::max(size, m * scale);
  } else if constexpr (F == Function::matern) {
    return error / (kEps * size * std::max(log_size, std::abs(std::log(size))));
  } else if constexpr (DB == 1 && F == Function::log_bessel_ie) {
    return error / (kEps * std::max(size, p.v * p.v / (p.x * (p.x + w))));
  } else if constexpr (DB == 1 || is_ratio(F)) {
    return error / ulp(exact);
  } else {
    return error / (kEps * std::max(1.0, size));
  }
}

template <Function F, int DA, int DB>
void compare() {
  double worst = 0;
  Point where{};
  char grid_of_worst = '-';
  for (const char name : {'A', 'B', 'C', 'D', 'E', 'F', 'S', 'G'}) {
    if (std::isnan(worst)) break;
    Grid grid(name);
    for (int i = 0; i < 20000; ++i) {
      const Point p = grid.next();
      const bool hyp = F == Function::log_hyp0f1, matern = F == Function::matern;
      const double nu = std::max(p.v, 1e-3);
      const auto a = static_cast<float>(hyp ? p.v + 1 : matern ? nu : p.v);
      const auto b = static_cast<float>(hyp      ? p.x * p.x / 4
                                        : matern ? p.x / std::sqrt(2 * nu)
                                                 : p.x);
      if (!std::isnormal(b)) continue;
      const double wide_a = a, wide_b = b;
      const double exact = evaluate<F, DA, DB>(wide_a, wide_b);
      if (!(std::abs(exact) < 3e38)) continue;
      const double got = static_cast<double>(evaluate<F, DA, DB>(a, b));
      const double log_f = matern || is_ratio(F) ? std::log(evaluate<F, 0, 0>(wide_a, wide_b)) : 0;
      const bool tiny_f = DA == 0 || (matern && std::exp(log_f) < kTiny);
      if (tiny_f && std::abs(exact) < kTiny) {  // its factors may be subnormal
        if (!(std::abs(got) <= 2 * kTiny)) test::fail(__FILE__, __LINE__, "not tiny");
        continue;
      }
      const Point at = {hyp ? wide_a - 1 : wide_a, hyp      ? 2 * std::sqrt(wide_b)
                                                   : matern ? std::sqrt(2 * wide_a) * wide_b
                                                            : wide_b};
      const double error =
          got == exact ? 0 : measure<F, DA, DB>(std::abs(got - exact), exact, at, log_f);
      if (!(error <= worst)) worst = error, where = {wide_a, wide_b}, grid_of_worst = name;
      if (std::isnan(worst)) break;  // counts as broken below: no later point may hide it
    }
  }
  const bool matern = F == Function::matern;
  const std::string key = DA == 1       ? "order"
                          : matern      ? DB == 1 ? "matern_argument" : "matern"
                          : DB == 1     ? "argument"
                          : is_ratio(F) ? "ratio"
                                        : "E1";
  std::cout << signature(F).name << " d" << DA << DB << " " << key << " " << worst << " of "
            << bound(key) << " at (" << where.v << ", " << where.x << ") grid " << grid_of_worst
            << "\n";
  if (!(worst <= bound(key))) test::fail(__FILE__, __LINE__, signature(F).name + std::string(key));
}

template <Function F>
void compare_all() {
  compare<F, 0, 0>();
  compare<F, 1, 0>();
  compare<F, 0, 1>();
}

TEST(log_i) { compare_all<Function::log_bessel_i>(); }
TEST(log_k) { compare_all<Function::log_bessel_k>(); }
TEST(log_ie) { compare_all<Function::log_bessel_ie>(); }
TEST(log_ke) { compare_all<Function::log_bessel_ke>(); }
TEST(i_ratio) { compare_all<Function::bessel_i_ratio>(); }
TEST(k_ratio) { compare_all<Function::bessel_k_ratio>(); }
TEST(hyp0f1) { compare_all<Function::log_hyp0f1>(); }
TEST(matern) { compare_all<Function::matern>(); }

TEST(edges) {
  const float inf = INFINITY;
  CHECK_EQUAL((evaluate<Function::log_bessel_i, 0, 0>(0.0f, 0.0f)), 0.0f);
  CHECK_EQUAL((evaluate<Function::log_bessel_i, 0, 0>(1.0f, inf)), inf);
  CHECK_EQUAL((evaluate<Function::log_bessel_k, 0, 0>(1.0f, 0.0f)), inf);
  CHECK_EQUAL((evaluate<Function::matern, 0, 0>(1.5f, 0.0f)), 1.0f);
  CHECK((std::isnan(evaluate<Function::log_bessel_k, 0, 0>(1.0f, -1.0f))));
  CHECK((std::isnan(evaluate<Function::log_bessel_i, 0, 0>(-0.5f, 1.0f))));
  CHECK_EQUAL((evaluate<Function::log_bessel_k, 0, 0>(-2.0f, 1.0f)),
              (evaluate<Function::log_bessel_k, 0, 0>(2.0f, 1.0f)));
}

}  // namespace
