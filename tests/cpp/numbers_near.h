// Data that looks random but is not, and a comparison of two memories of numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/element_type.h"
#include "test.h"

namespace numbers_near {

using namespace longtail;

// Rounding of E, and of the sums behind it.
template <class E>
constexpr double kTolerance = sizeof(E) == 8   ? 1e-11
                              : sizeof(E) == 4 ? 2e-4
                                               : 1.5e-2;

// `count` numbers in [-scale, scale].
template <class E>
std::vector<E> numbers(std::int64_t count, double scale, double seed) {
  std::vector<E> result(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double t = std::sin(seed + 12.9898 * static_cast<double>(i)) * 43758.5453;
    result[i] = static_cast<E>(scale * (2 * (t - std::floor(t)) - 1));
  }
  return result;
}

// Relative to the largest number expected: sums of many terms cancel. nan equals nan, and an
// infinity itself.
template <class A, class B>
bool near(const std::vector<A>& got, const std::vector<B>& expected, double tolerance) {
  if (got.size() != expected.size()) return false;
  double largest = 1;
  for (const B& e : expected) {
    const double value = std::abs(static_cast<double>(e));
    if (value < 1e6) largest = std::max(largest, value);
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto a = static_cast<double>(got[i]), b = static_cast<double>(expected[i]);
    if (std::isnan(a) || std::isnan(b)) {
      if (std::isnan(a) != std::isnan(b)) return false;
    } else if (a != b && !(std::abs(a - b) <= tolerance * std::max(largest, std::abs(b)))) {
      return false;
    }
  }
  return true;
}

// The slope of grad . value(problem) along element e of a part of the problem, where the value is
// `here`: central differences.
template <class Problem, class Value>
double difference_along(const Problem& problem, int part, std::size_t e, const Value& value,
                        const std::vector<double>& here, const std::vector<double>& grad) {
  const auto at = [&](double step) {
    Problem moved = problem;
    moved.parts[part][e] += step;
    const std::vector<double> there = value(moved);
    double sum = 0;
    for (std::size_t o = 0; o < there.size(); ++o) sum += grad[o] * (there[o] - here[o]);
    return sum;
  };
  return (at(1e-5) - at(-1e-5)) / 2e-5;
}

}  // namespace numbers_near
