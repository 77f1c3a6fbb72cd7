// Group rationals, PolyNorm and Kolmogorov-Arnold layers through the C++ API, one thread.
//
// The rivals: a copy of the same bytes, which a forward pass cannot beat, and for the layer the
// plain loops that a C++ program would otherwise have (functions into memory, then a product).
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "rational/kan.h"
#include "rational/kernels.h"
#include "rational/poly.h"

namespace {

using namespace longtail;
using namespace longtail::rational;

constexpr Shape kShape{8 * 196, 8, 96};  // images x patches, groups, channels of a group
constexpr std::int64_t kElements = kShape.outer * kShape.groups * kShape.run;
constexpr std::int64_t kColumns = kShape.groups * kShape.run;

std::vector<float> waves(std::int64_t count, float step) {
  std::vector<float> result(count);
  for (std::int64_t i = 0; i < count; ++i) result[i] = 2 * std::sin(step * static_cast<float>(i));
  return result;
}

// silu as the tables of version A have it, near enough for the time.
Table table() {
  Table table{0, 5, 4, std::vector<double>(kShape.groups * kSlots, 0.0)};
  const double a[] = {0, 0.5, 0.25, 0.05, 0.01, 0.001}, b[] = {0.1, 0.2, 0.02, 0.01};
  for (std::int64_t g = 0; g < kShape.groups; ++g) {
    std::memcpy(&table.rows[g * kSlots], a, sizeof a);
    std::memcpy(&table.rows[g * kSlots + kMaxNumerator + 1], b, sizeof b);
  }
  return table;
}

void finish(benchmark::State& state, std::int64_t elements, std::int64_t tensors) {
  benchmark::ClobberMemory();
  state.SetItemsProcessed(state.iterations() * elements);
  state.SetBytesProcessed(state.iterations() * elements * tensors * std::int64_t{sizeof(float)});
}

void copy(benchmark::State& state) {
  const auto x = waves(kElements, 0.7f);
  std::vector<float> y(kElements);
  for (auto _ : state) {
    std::memcpy(y.data(), x.data(), kElements * sizeof(float));
    benchmark::DoNotOptimize(y.data());
  }
  finish(state, kElements, 2);
}
BENCHMARK(copy)->Unit(benchmark::kMillisecond);

void rational_forward(benchmark::State& state) {
  const auto x = waves(kElements, 0.7f);
  std::vector<float> y(kElements);
  const Table coefficients = table();
  for (auto _ : state) {
    forward(kShape, coefficients, DType::float32, x.data(), y.data());
    benchmark::DoNotOptimize(y.data());
  }
  finish(state, kElements, 2);
}
BENCHMARK(rational_forward)->Unit(benchmark::kMillisecond);

void rational_backward(benchmark::State& state) {
  const auto x = waves(kElements, 0.7f), grad = waves(kElements, 0.3f);
  std::vector<float> dx(kElements);
  std::vector<double> sums;
  const Table coefficients = table();
  for (auto _ : state) {
    backward(kShape, coefficients, DType::float32, grad.data(), x.data(), dx.data(), sums);
    benchmark::DoNotOptimize(dx.data());
  }
  finish(state, kElements, 3);
}
BENCHMARK(rational_backward)->Unit(benchmark::kMillisecond);

void poly_norm_backward_rows(benchmark::State& state) {
  const auto x = waves(kElements, 0.7f), grad = waves(kElements, 0.3f);
  std::vector<float> dx(kElements);
  const Poly poly{{1.0 / 3, 1.0 / 3, 1.0 / 3}, 0};
  for (auto _ : state) {
    benchmark::DoNotOptimize(poly_norm_backward(poly, 1e-6, kShape.outer, kColumns, DType::float32,
                                                grad.data(), x.data(), dx.data()));
  }
  finish(state, kElements, 3);
}
BENCHMARK(poly_norm_backward_rows)->Unit(benchmark::kMillisecond);

// A layer of 128 inputs and outputs with 8 radial functions, on 1024 rows.
constexpr std::int64_t kRows = 1024, kSide = 128, kFunctions = 8;

Basis basis() {
  Basis basis{{BasisKind::gaussian_rbf, kFunctions, 0, 0, false}, kSide, 1, {}, {}};
  for (int k = 0; k < kFunctions; ++k) {
    basis.first.push_back(-2 + 4.0 / 7 * k);
    basis.second.push_back(4.0 / 7);
  }
  return basis;
}

void kan_linear_fused(benchmark::State& state) {
  const auto x = waves(kRows * kSide, 0.7f), weight = waves(kSide * kSide * kFunctions, 0.3f);
  std::vector<float> y(kRows * kSide);
  const Basis functions = basis();
  for (auto _ : state) {
    kan_linear(functions, kRows, kSide, DType::float32, x.data(), {weight.data(), DType::float32},
               {}, y.data());
    benchmark::DoNotOptimize(y.data());
  }
  finish(state, kRows * kSide, 2);
}
BENCHMARK(kan_linear_fused)->Unit(benchmark::kMillisecond);

void kan_linear_plain_loops(benchmark::State& state) {
  const auto x = waves(kRows * kSide, 0.7f), weight = waves(kSide * kSide * kFunctions, 0.3f);
  std::vector<float> y(kRows * kSide), phi(kRows * kSide * kFunctions);
  const Basis functions = basis();
  const std::int64_t depth = kSide * kFunctions;
  for (auto _ : state) {
    for (std::int64_t e = 0; e < kRows * kSide; ++e) {
      for (std::int64_t k = 0; k < kFunctions; ++k) {
        const auto u = static_cast<float>((x[e] - functions.first[k]) / functions.second[k]);
        phi[e * kFunctions + k] = std::exp(-u * u);
      }
    }
    for (std::int64_t n = 0; n < kRows; ++n) {
      for (std::int64_t o = 0; o < kSide; ++o) {
        float sum = 0;
        for (std::int64_t j = 0; j < depth; ++j) sum += phi[n * depth + j] * weight[o * depth + j];
        y[n * kSide + o] = sum;
      }
    }
    benchmark::DoNotOptimize(y.data());
  }
  finish(state, kRows * kSide, 2);
}
BENCHMARK(kan_linear_plain_loops)->Unit(benchmark::kMillisecond);

}  // namespace
