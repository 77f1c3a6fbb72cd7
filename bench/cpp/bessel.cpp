// log I and log K through the C++ API, beside Boost.Math: cells {I, K} x grids {A, B, C, D}.
//
// Inputs are log-uniform with a fixed seed. Boost takes microseconds an element and knows no
// logarithms, so that it runs on fewer points, those where its result is neither 0 nor infinite.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bessel/bessel.h"

#if __has_include(<boost/math/special_functions/bessel.hpp>)
#include <boost/math/special_functions/bessel.hpp>
#define LONGTAIL_HAS_BOOST 1
#endif

namespace {

struct Grid {
  const char* name;
  double v_low, v_high, x_low, x_high;
};

constexpr Grid kGrids[] = {
    {"A", 1e-3, 20, 1e-3, 50},
    {"B", 1, 200, 1e-2, 700},
    {"C", 200, 1e5, 1, 1e6},
    {"D", 31, 16383, 0.64, 1.6384e6},
};
constexpr std::size_t kElements = 1'000'000;

struct Points {
  std::vector<double> v, x, out;
};

Points points(const Grid& grid, std::size_t n) {
  std::mt19937_64 random(77);
  const auto draw = [&](double low, double high) {
    std::uniform_real_distribution<double> uniform(std::log(low), std::log(high));
    std::vector<double> values(n);
    for (double& value : values) value = std::exp(uniform(random));
    return values;
  };
  return {draw(grid.v_low, grid.v_high), draw(grid.x_low, grid.x_high), std::vector<double>(n)};
}

using Function = void (*)(longtail::DoubleInput, longtail::DoubleInput, longtail::DoubleOutput,
                          const longtail::ParallelFor&);

// A pool is the caller's business; a second thread for each call is enough here.
void on_two_threads(std::int64_t begin, std::int64_t end, std::int64_t grain,
                    const longtail::RangeTask& task) {
  const std::int64_t middle = begin + (end - begin) / 2 / grain * grain;
  std::thread other([&] { task(middle, end); });
  task(begin, middle);
  other.join();
}

void run_longtail(benchmark::State& state, Function function, const Grid& grid, bool two_threads) {
  Points p = points(grid, kElements);
  const longtail::ParallelFor parallel =
      two_threads ? longtail::ParallelFor(on_two_threads) : longtail::ParallelFor();
  for (auto _ : state) {
    function(p.v, p.x, p.out, parallel);
    benchmark::DoNotOptimize(p.out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t(kElements));
}

#ifdef LONGTAIL_HAS_BOOST
// Overflow gives inf and long sums give up, both as values rather than exceptions.
using Policy = boost::math::policies::policy<
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

double boost_log(bool first_kind, double v, double x) {
  return std::log(first_kind ? boost::math::cyl_bessel_i(v, x, Policy())
                             : boost::math::cyl_bessel_k(v, x, Policy()));
}

void run_boost(benchmark::State& state, bool first_kind, const Grid& grid) {
  Points drawn = points(grid, 4000), p;
  for (std::size_t i = 0; i < drawn.v.size() && p.v.size() < 200; ++i) {
    if (!std::isfinite(boost_log(first_kind, drawn.v[i], drawn.x[i]))) continue;
    p.v.push_back(drawn.v[i]);
    p.x.push_back(drawn.x[i]);
  }
  if (p.v.empty()) return state.SkipWithError("Boost is finite nowhere on this grid");
  for (auto _ : state) {
    for (std::size_t i = 0; i < p.v.size(); ++i) {
      benchmark::DoNotOptimize(boost_log(first_kind, p.v[i], p.x[i]));
    }
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t(p.v.size()));
}
#endif

bool register_all() {
  for (const bool first_kind : {true, false}) {
    Function function = longtail::log_bessel_i;
    if (!first_kind) function = longtail::log_bessel_k;
    for (const Grid& grid : kGrids) {
      const std::string cell =
          std::string(first_kind ? "log_bessel_i" : "log_bessel_k") + "/grid_" + grid.name;
      for (const bool two : {false, true}) {
        benchmark::RegisterBenchmark(
            (cell + (two ? "/longtail_2_threads" : "/longtail")).c_str(),
            [=](benchmark::State& state) { run_longtail(state, function, grid, two); })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
      }
#ifdef LONGTAIL_HAS_BOOST
      benchmark::RegisterBenchmark((cell + "/boost").c_str(), [=](benchmark::State& state) {
        run_boost(state, first_kind, grid);
      })->Unit(benchmark::kMillisecond);
#endif
    }
  }
  return true;
}

[[maybe_unused]] const bool kRegistered = register_all();  // main() is benchmark_main's

}  // namespace
