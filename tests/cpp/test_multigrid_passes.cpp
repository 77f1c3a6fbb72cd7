// Passes that follow each other over the lines of a grid (multigrid/passes.h), in whatever order
// blocks of lines are done: by themselves, and in solves.
#include "multigrid/passes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "errors.h"
#include "multigrid/poisson.h"
#include "test.h"

namespace longtail::multigrid {
namespace {

/// As `tasks` threads would: each has a range, and the last one is done first.
ParallelFor in_reverse(std::int64_t tasks) {
  return [tasks](std::int64_t begin, std::int64_t end, std::int64_t grain, const RangeTask& task) {
    const std::int64_t count = std::min(tasks, std::max<std::int64_t>(1, (end - begin) / grain));
    for (std::int64_t i = count; i-- > 0;) {
      const std::int64_t from = begin + i * (end - begin) / count;
      const std::int64_t to = begin + (i + 1) * (end - begin) / count;
      if (from < to) task(from, to);
    }
  };
}

/// Pass k makes values[k + 1][i] of the sum of values[k] within its reach; nan is what is not made.
void check_passes(const std::vector<std::int64_t>& reaches, const Lines& lines,
                  const ParallelFor& parallel_for) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto summed = [&](const std::vector<double>& from, std::int64_t i, std::int64_t reach) {
    double sum = 0;
    for (std::int64_t j = std::max<std::int64_t>(0, i - reach);
         j <= std::min(lines.count - 1, i + reach); ++j) {
      sum += from[j];
    }
    return sum;
  };
  std::vector<std::vector<double>> values(reaches.size() + 1,
                                          std::vector<double>(lines.count, nan));
  for (std::int64_t i = 0; i < lines.count; ++i) values[0][i] = std::cos(static_cast<double>(i));
  std::vector<std::vector<double>> expected = values;
  std::vector<Pass> passes;
  for (std::size_t k = 0; k < reaches.size(); ++k) {
    for (std::int64_t i = 0; i < lines.count; ++i) {
      expected[k + 1][i] = summed(expected[k], i, k == 0 ? 0 : reaches[k]);
    }
    passes.push_back(plain_pass(reaches[k], [&, k](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        CHECK(std::isnan(values[k + 1][i]));  // each once
        values[k + 1][i] = summed(values[k], i, k == 0 ? 0 : reaches[k]);
      }
    }));
  }
  run_passes(passes, lines, parallel_for);
  CHECK(values == expected);
}

}  // namespace

TEST(passes_in_any_order) {
  for (const std::int64_t count : {1, 2, 7, 40, 63, 200}) {
    for (const std::int64_t step : {1, 3, 64, 1000}) {
      for (const std::int64_t grain : {1, 5, 30}) {
        for (const std::int64_t tasks : {0, 1, 2, 3, 9, 100}) {
          const ParallelFor parallel_for = tasks == 0 ? ParallelFor() : in_reverse(tasks);
          check_passes({0}, {count, step, grain}, parallel_for);
          check_passes({0, 1}, {count, step, grain}, parallel_for);
          check_passes({1, 1, 1, 0, 1}, {count, step, grain}, parallel_for);
          check_passes({0, 4, 7}, {count, step, grain}, parallel_for);
          check_passes({0, 0, 60}, {count, step, grain}, parallel_for);
        }
      }
    }
  }
}

/// Boxes large enough for blocks.
TEST(solves_on_threads) {
  using enum Side;
  const std::vector<Axis> shapes[] = {
      {{600, 1, dirichlet, dirichlet, false}, {513, 1, dirichlet, neumann, false}},
      {{601, 1, neumann, dirichlet, true}, {500, 1, dirichlet, dirichlet, true}},
      {{600, 1, periodic, periodic, false}, {513, 1, dirichlet, dirichlet, false}},
      {{150, 1, dirichlet, dirichlet, false},
       {41, 1, dirichlet, neumann, false},
       {52, 1, neumann, dirichlet, false}},
      {{9, 1, dirichlet, dirichlet, true},
       {90, 2, dirichlet, dirichlet, true},
       {300, 1, dirichlet, dirichlet, true}}};
  test::Random random(31);
  for (const std::vector<Axis>& axes : shapes) {
    const Box box = make_box(axes);
    std::vector<double> f(box.points());
    for (double& each : f) each = random.uniform(-1, 1);
    std::vector<double> first;
    for (const std::int64_t tasks : {0, 1, 2, 3, 7, 64}) {
      std::vector<double> u(f.size());
      std::int64_t cycles = 0;
      double residual = 0, returned = 0;
      poisson_solve(box, 1, DType::float64, f.data(), nullptr, u.data(), {1e-8, 20, {}},
                    {&cycles, &residual, &returned},
                    tasks == 0 ? ParallelFor() : in_reverse(tasks));
      CHECK(residual <= 1e-8);
      if (first.empty()) first = u;
      CHECK(u == first);
    }
  }
}

}  // namespace longtail::multigrid
