// Speed of the math in csrc/core at every CPU level of this machine, beside the C library's, on
// 1024 numbers that stay in the first-level cache: nanoseconds an element.
//   math_speed --benchmark_filter=avx512/double/exp --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "core/cpu_level.h"
#include "math_kernels.h"

namespace {

using longtail::CpuLevel;
using longtail::bench::Kernel;
using longtail::bench::MathKernels;

MathKernels kernels_of(CpuLevel level) {
#if defined(__x86_64__)
  if (level == CpuLevel::avx512) return longtail::bench::avx512::math_kernels();
  if (level == CpuLevel::avx2) return longtail::bench::avx2::math_kernels();
#elif defined(__aarch64__)
  if (level == CpuLevel::neon) return longtail::bench::neon::math_kernels();
#endif
  return longtail::bench::scalar::math_kernels();
}

template <class E>
void time_kernel(benchmark::State& state, Kernel<E> kernel) {
  constexpr int kCount = 1024;
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> moderate(0.01, 20.0);
  std::vector<E> in(kCount), out(kCount);
  for (E& x : in) x = static_cast<E>(moderate(engine));
  for (auto _ : state) {
    kernel(in.data(), out.data(), kCount);
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  state.counters["per element"] =
      Counter(kCount, Counter::kIsIterationInvariantRate | Counter::kInvert);
}

}  // namespace

int main(int argc, char** argv) {
  for (const CpuLevel level : longtail::available_cpu_levels()) {
    const MathKernels kernels = kernels_of(level);
    for (int i = 0; i < kernels.count; ++i) {
      const auto& k = kernels.first[i];
      const auto name = [&](const char* type) {
        return std::string(to_string(level)) + "/" + type + "/" + k.function + "/" + k.author;
      };
      benchmark::RegisterBenchmark(name("double").c_str(), time_kernel<double>, k.in_double);
      if (k.in_float) {
        benchmark::RegisterBenchmark(name("float").c_str(), time_kernel<float>, k.in_float);
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
