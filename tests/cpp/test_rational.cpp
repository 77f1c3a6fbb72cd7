// Group rationals by the row kernels, at the best level of the machine, against the formula written
// out in double; odd lengths under the sanitizers.
#include <cmath>
#include <random>
#include <vector>

#include "rational/kernels.h"
#include "test.h"

namespace {

using namespace longtail;
using namespace longtail::rational;

Table table_of(int version, int m, int n, std::int64_t groups) {
  Table table{version, m, n, std::vector<double>(groups * kSlots, 0.0)};
  std::mt19937 engine(7);
  std::normal_distribution<> normal;
  for (std::int64_t g = 0; g < groups; ++g) {
    for (int i = 0; i <= m; ++i) table.rows[g * kSlots + i] = normal(engine);
    for (int j = 0; j < n; ++j) table.rows[g * kSlots + kMaxNumerator + 1 + j] = normal(engine);
  }
  return table;
}

double value(const Table& table, std::int64_t g, double x) {
  const double* row = &table.rows[g * kSlots];
  double p = 0, inner = 0;
  for (int i = 0; i <= table.m; ++i) p += row[i] * std::pow(x, i);
  for (int j = 1; j <= table.n; ++j) {
    const double b = row[kMaxNumerator + j];
    inner += table.version == 0 ? std::abs(b) * std::pow(std::abs(x), j) : b * std::pow(x, j);
  }
  return p / (1 + std::abs(inner));
}

TEST(rows_of_any_length) {
  for (int version : {0, 1}) {
    for (const auto& [m, n] : {std::pair{5, 4}, std::pair{3, 2}, std::pair{7, 6}}) {
      for (const Shape& shape : {Shape{1, 1, 1}, Shape{3, 2, 17}, Shape{5, 3, 96}, Shape{2, 1, 0},
                                 Shape{0, 2, 8}, Shape{1, 1, 9001}, Shape{70, 65, 3}}) {
        const Table table = table_of(version, m, n, shape.groups);
        const std::int64_t size = shape.outer * shape.groups * shape.run;
        std::vector<double> x(size), y(size), dx(size), grad(size, 1.0), sums;
        for (std::int64_t i = 0; i < size; ++i) x[i] = 3 * std::sin(1.0 + i);
        forward(shape, table, DType::float64, x.data(), y.data());
        backward(shape, table, DType::float64, grad.data(), x.data(), dx.data(), sums);
        std::vector<double> first(shape.groups, 0.0);
        for (std::int64_t i = 0; i < size; ++i) {
          const std::int64_t g = i / shape.run % shape.groups;
          const double exact = value(table, g, x[i]), h = 1e-6;
          const double slope = (value(table, g, x[i] + h) - value(table, g, x[i] - h)) / (2 * h);
          CHECK(std::abs(y[i] - exact) <= 1e-12 * (1 + std::abs(exact)) * 100);
          CHECK(std::abs(dx[i] - slope) <= 1e-4 * (1 + std::abs(slope)));
          Table moved = table;
          moved.rows[g * kSlots] += 1.0;  // y is linear in a_0
          first[g] += value(moved, g, x[i]) - exact;
        }
        CHECK_EQUAL(sums.size(), static_cast<std::size_t>(shape.groups * kSlots));
        for (std::int64_t g = 0; g < shape.groups; ++g) {
          CHECK(std::abs(sums[g * kSlots] - first[g]) <= 1e-9 * (1 + std::abs(first[g])));
        }
      }
    }
  }
}

TEST(any_thread_pool_gives_the_same_bits) {
  const Shape shape{500, 8, 96};
  const Table table = table_of(0, 5, 4, 8);
  std::vector<float> x(500 * 768), grad(x.size(), 0.5f), dx(x.size()), dx_pooled(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  std::vector<double> sums, pooled;
  backward(shape, table, DType::float32, grad.data(), x.data(), dx.data(), sums);
  backward(shape, table, DType::float32, grad.data(), x.data(), dx_pooled.data(), pooled,
           [](std::int64_t begin, std::int64_t end, std::int64_t grain, const RangeTask& task) {
             for (; begin < end; begin += grain) task(begin, std::min(end, begin + grain));
           });
  CHECK(sums == pooled);
  CHECK(dx == dx_pooled);
}

}  // namespace
