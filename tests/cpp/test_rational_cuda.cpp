// The CUDA kernels of group rationals, run on the CPU by simt/cuda_runtime.h, beside the CPU's.
#include "cuda/rational/kernels.cuh"

#include <cmath>
#include <random>
#include <vector>

#include "rational/kernels.h"
#include "test.h"

namespace {

using namespace longtail;
using rational::kSlots;
using rational::Shape;
using rational::Table;
using rational::Version;

Table table_of(int version, int m, int n, std::int64_t groups) {
  Table table{version, m, n, std::vector<double>(groups * kSlots, 0.0)};
  std::mt19937 engine(3);
  std::normal_distribution<> normal;
  for (std::int64_t g = 0; g < groups; ++g) {
    for (int i = 0; i <= m; ++i) table.rows[g * kSlots + i] = normal(engine);
    for (int j = 0; j < n; ++j) {
      table.rows[g * kSlots + rational::kMaxNumerator + 1 + j] = normal(engine);
    }
  }
  return table;
}

bool close(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(a) + std::abs(b));
}

template <class E, Version V, int M, int N>
void compare(const Shape& shape, DType dtype, double tolerance) {
  const Table table = table_of(static_cast<int>(V), M, N, shape.groups);
  const std::int64_t size = shape.outer * shape.groups * shape.run;
  std::vector<E> x(size), grad(size), y(size), dx(size), cuda_y(size), cuda_dx(size);
  for (std::int64_t i = 0; i < size; ++i) {
    x[i] = static_cast<E>((i % 97 == 5 ? 90 : 3) * std::sin(1.0 + i));  // some beyond 64
    grad[i] = static_cast<E>(std::cos(0.3 * i));
  }
  std::vector<double> sums;
  rational::forward(shape, table, dtype, x.data(), y.data());
  rational::backward(shape, table, dtype, grad.data(), x.data(), dx.data(), sums);

  const bool padded = M != 5;
  const cuda::RationalParams params{shape.outer, shape.groups, shape.run, static_cast<int>(V),
                                    padded};
  const double* rows = table.rows.data();
  const auto groups = static_cast<unsigned>(shape.groups);
  simt::launch({3, groups, 1}, cuda::kRationalThreads,
               [&] { cuda::rational_forward<E, V, M, N>(params, rows, x.data(), cuda_y.data()); });
  constexpr std::int64_t share = std::int64_t{cuda::kRationalThreads} * cuda::kRationalTerms;
  const std::int64_t blocks = (shape.outer * shape.run + share - 1) / share;
  std::vector<double> partial(shape.groups * blocks * kSlots, 0.0);
  simt::launch({static_cast<unsigned>(blocks), groups, 1}, cuda::kRationalThreads, [&] {
    cuda::rational_backward<E, V, M, N>(params, rows, grad.data(), x.data(), cuda_dx.data(),
                                        partial.data());
  });

  for (std::int64_t i = 0; i < size; ++i) {
    CHECK(close(static_cast<double>(cuda_y[i]), static_cast<double>(y[i]), tolerance));
    CHECK(close(static_cast<double>(cuda_dx[i]), static_cast<double>(dx[i]), tolerance));
  }
  for (std::int64_t g = 0; g < shape.groups; ++g) {
    for (int slot = 0; slot < kSlots; ++slot) {
      const bool in_use =
          slot <= rational::kMaxNumerator ? slot <= M : slot - rational::kMaxNumerator <= N;
      if (!in_use) continue;
      double sum = 0, size_of_terms = 0;
      for (std::int64_t b = 0; b < blocks; ++b) {
        sum += partial[(g * blocks + b) * kSlots + slot];
        size_of_terms += std::abs(partial[(g * blocks + b) * kSlots + slot]);
      }
      const double expected = sums[g * kSlots + slot];
      CHECK(std::abs(sum - expected) <= 100 * tolerance * (size_of_terms + std::abs(expected) + 1));
    }
  }
}

template <class E>
void compare_all(DType dtype, double tolerance) {
  for (const Shape& shape : {Shape{1, 1, 1}, Shape{5, 3, 17}, Shape{40, 2, 96}, Shape{1, 1, 20000},
                             Shape{700, 2, 33}, Shape{300, 1, 1}}) {
    compare<E, Version::A, 5, 4>(shape, dtype, tolerance);
    compare<E, Version::B, 5, 4>(shape, dtype, tolerance);
    compare<E, Version::A, 7, 6>(shape, dtype, tolerance);
  }
}

TEST(float64) { compare_all<double>(DType::float64, 1e-11); }
TEST(float32) { compare_all<float>(DType::float32, 1e-3); }

TEST(every_block_sums_once) {
  // With y = a_0 and grad = 1 the gradient of a_0 counts the elements.
  const cuda::RationalParams params{777, 1, 53, 0, false};
  std::vector<double> row(kSlots, 0.0), partial;
  row[0] = 2.0;
  std::vector<float> x(777 * 53, 0.25f), grad(x.size(), 1.0f), dx(x.size());
  const std::int64_t blocks = (777 * 53 + 256 * 64 - 1) / (256 * 64);
  partial.assign(blocks * kSlots, 0.0);
  simt::launch({static_cast<unsigned>(blocks), 1, 1}, cuda::kRationalThreads, [&] {
    cuda::rational_backward<float, Version::A, 5, 4>(params, row.data(), grad.data(), x.data(),
                                                     dx.data(), partial.data());
  });
  double count = 0;
  for (std::int64_t b = 0; b < blocks; ++b) count += partial[b * kSlots];
  CHECK_EQUAL(count, 777.0 * 53.0);
}

}  // namespace
