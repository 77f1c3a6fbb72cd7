#pragma once
// Noise, and how far two results of it are apart.

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace test {

/// In -1 ... 1. (Of sines nothing but rounding would be left after most long convolutions.)
template <class E = double>
std::vector<E> noise(std::int64_t count, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<E> result(count);
  for (E& each : result) each = static_cast<E>(static_cast<double>(bits()) * 0x1p-31 - 1);
  return result;
}

/// The norm of the difference over the norm of what is expected, or by itself where that is 0.
template <class E>
double relative(const std::vector<E>& got, const std::vector<E>& expected) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto a = static_cast<double>(got[i]), b = static_cast<double>(expected[i]);
    error += (a - b) * (a - b);
    size += b * b;
  }
  return size > 0 ? std::sqrt(error / size) : std::sqrt(error);
}

}  // namespace test
