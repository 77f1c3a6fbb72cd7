#include "longconv/s4d_backward_sums.h"

#include "longconv/s4d_backward_level.h"

namespace longtail::longconv {
namespace {

/// A complex number of double, without the library's care for infinities.
struct Number {
  double re, im;
  Number operator*(const Number& b) const { return {re * b.re - im * b.im, re * b.im + im * b.re}; }
  Number operator*(double b) const { return {re * b, im * b}; }
  Number operator+(const Number& b) const { return {re + b.re, im + b.im}; }
};

}  // namespace

void finish_sums(const GroupSums& of, const Sums& to) {
  const auto at = [&](const double* planar, std::int64_t n) {
    return Number{planar[n], planar[n + of.width / 2]};
  };
  const auto block_sum = [&](std::int64_t k) { return of.of_blocks + k * of.width; };
  const auto tail_sum = [&](std::int64_t k) { return of.of_tail + k * of.width; };
  const auto put = [](double* result, std::int64_t n, const Number& a) {
    result[2 * n] = a.re;
    result[2 * n + 1] = -a.im;
  };
  for (std::int64_t n = 0; n < to.states; ++n) {
    const Number a = at(of.base, n), b = at(of.drive, n);
    Number power = {static_cast<double>(kBlockSteps), 0};
    for (std::int64_t t = 1; t < kBlockSteps; ++t) power = power * a;
    Number of_base = at(tail_sum(0), n) + power * at(block_sum(0), n) + b * at(block_sum(2), n);
    Number of_drive = at(tail_sum(1), n) + at(block_sum(1), n);
    for (std::int64_t c = 0; c < to.outputs; ++c) {
      Number sum = {0, 0}, slope = {0, 0};  // of r[m] base^m, by Horner's rule
      for (std::int64_t m = kBlockSteps - 1; m >= 0; --m) {
        slope = slope * a + sum;
        sum = sum * a + Number{of.lags[c * kBlockSteps + m], 0};
      }
      const double* const xq = block_sum(kSumsOfBlocks + kSumsOfResult * c);
      const Number readout = at(of.readouts + c * of.width, n);
      of_base = of_base + readout * (at(xq + of.width, n) + b * slope);
      of_drive = of_drive + readout * sum;
      put(to.readout(c), n, at(tail_sum(2 + c), n) + a * at(xq, n) + b * sum);
    }
    put(to.base(), n, of_base);
    put(to.drive(), n, of_drive);
  }
}

void add_groups(const S4dShape& shape, const Groups& groups, const std::vector<double>& partial,
                const S4dGradients& to) {
  const std::int64_t size = Sums::size(shape), width = 2 * shape.states;
  for (std::int64_t h = 0; h < shape.heads; ++h) {
    const auto add = [&](std::int64_t begin, std::int64_t count, double* result) {
      for (std::int64_t i = 0; i < count; ++i) {
        double sum = 0;
        for (std::int64_t g = 0; g < groups.count; ++g) {
          sum += partial[static_cast<std::size_t>((h * groups.count + g) * size + begin + i)];
        }
        result[i] = sum;
      }
    };
    add(0, width, to.base + h * width);
    add(width, width, to.drive + h * width);
    for (std::int64_t c = 0; c < shape.outputs; ++c) {
      const std::int64_t row = c * shape.heads + h;
      add((2 + c) * width, width, to.readout + row * width);
      if (to.skip != nullptr) add((2 + shape.outputs) * width + c, 1, to.skip + row);
    }
  }
}

}  // namespace longtail::longconv
