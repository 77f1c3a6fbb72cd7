// The CUDA kernels of poisson_solve, run on the CPU by simt/cuda_runtime.h, beside the CPU's own
// solver: tables, sizes, boundaries, batches that converge one after the other.
#include "cuda/multigrid/poisson_steps.cuh"
#include "multigrid_cuda_case.h"
#include "test.h"

#include <limits>

namespace {

using namespace longtail;
using namespace multigrid_case;
using multigrid::Axis;
using multigrid::Side;

template <class E>
Solved<E> poisson_on_fibres(const multigrid::Box& box, std::int64_t batch, const std::vector<E>& f,
                            const E* initial, const cuda::PoissonOptions& options,
                            int* looks = nullptr) {
  const cuda::PoissonPlan plan(box, batch, options);
  cuda::PoissonViews views;
  const Unwritten memory(views.place(plan, nullptr));
  views.place(plan, memory.data());
  const OnFibres launch;
  Solved<E> result{std::vector<E>(f.size()), Reported(batch)};
  Reported& report = result.report;
  cuda::PoissonSteps<E, OnFibres>(plan, views, launch)
      .solve(f.data(), initial, result.u.data(),
             {report.iterations.data(), report.residual.data(), report.returned.data()});
  if (looks) *looks = launch.looks;
  return result;
}

template <class E>
Solved<E> poisson_on_cpu(const multigrid::Box& box, std::int64_t batch, const std::vector<E>& f,
                         const E* initial, double tolerance, int most) {
  Solved<E> result{std::vector<E>(f.size()), Reported(batch)};
  Reported& report = result.report;
  multigrid::poisson_solve(
      box, batch, sizeof(E) == 8 ? DType::float64 : DType::float32, f.data(), initial,
      result.u.data(), {tolerance, most, {}},
      {report.iterations.data(), report.residual.data(), report.returned.data()});
  return result;
}

struct PoissonCase {
  std::vector<std::int64_t> sizes;
  std::vector<std::pair<Side, Side>> sides;
  bool cell = false;
  std::vector<double> spacings = {1, 1, 1};
  std::int64_t shared_bytes = 4096;  // so that there are large levels too
};

multigrid::Box box_of(const PoissonCase& of) {
  std::vector<Axis> axes;
  for (std::size_t d = 0; d < of.sizes.size(); ++d) {
    const auto& [left, right] = of.sides[d % of.sides.size()];
    axes.push_back({of.sizes[d], of.spacings[d], left, right, of.cell});
  }
  return multigrid::make_box(axes);
}

template <class E>
void compare_poisson(const PoissonCase& of, bool with_initial = false) {
  const multigrid::Box box = box_of(of);
  const std::int64_t batch = 3, points = box.points();
  const std::vector<double> numbers = noise(batch * points, 5), first = noise(batch * points, 6);
  std::vector<E> f(numbers.begin(), numbers.end()), initial(first.begin(), first.end());
  // A problem that is smooth converges later than noise; another is done at once.
  for (std::int64_t i = 0; i < points; ++i) f[points + i] = E(0);
  const double tolerance = sizeof(E) == 8 ? 1e-9 : 1e-5;
  const E* const from = with_initial ? initial.data() : nullptr;
  const auto cpu = poisson_on_cpu(box, batch, f, from, tolerance, 40);
  const auto gpu = poisson_on_fibres(box, batch, f, from, {tolerance, 40, of.shared_bytes});
  CHECK(relative(gpu.u, cpu.u) <= (sizeof(E) == 8 ? 1e-9 : 1e-6));
  for (std::int64_t b = 0; b < batch; ++b) {
    CHECK(std::abs(gpu.report.iterations[b] - cpu.report.iterations[b]) <= 1);
    CHECK(gpu.report.residual[b] <= tolerance);
    if (gpu.report.iterations[b] == cpu.report.iterations[b]) {
      CHECK(std::abs(gpu.report.residual[b] - cpu.report.residual[b]) <=
            0.01 * cpu.report.residual[b]);
    }
    CHECK(std::abs(gpu.report.returned[b] - cpu.report.returned[b]) <=
          0.1 * cpu.report.returned[b] + 1e-12);
  }
  CHECK_EQUAL(gpu.report.iterations[1], 0);
}

constexpr std::pair<Side, Side> kDirichlet = {Side::dirichlet, Side::dirichlet};
constexpr std::pair<Side, Side> kNeumann = {Side::neumann, Side::neumann};
constexpr std::pair<Side, Side> kPeriodic = {Side::periodic, Side::periodic};
constexpr std::pair<Side, Side> kLeft = {Side::dirichlet, Side::neumann};
constexpr std::pair<Side, Side> kRight = {Side::neumann, Side::dirichlet};

/// The tables on the device beside those of the CPU, of every level.
TEST(tables_from_patterns) {
  for (const bool cell : {false, true}) {
    for (const auto& sides : {kDirichlet, kNeumann, kPeriodic, kLeft, kRight}) {
      for (const std::int64_t size : {17, 18, 19, 20, 31, 33, 36, 37, 64, 90, 127, 143}) {
        const multigrid::Box box = box_of({{size, 40}, {sides}, cell, {1, 1.3}});
        const cuda::PoissonPlan plan(box, 1, {1e-8, 10});
        cuda::PoissonViews views;
        const Unwritten memory(views.place(plan, nullptr));
        views.place(plan, memory.data());
        cuda::write_tables(plan, views, OnFibres());
        const multigrid::Hierarchy<float> expected(plan.boxes[0]);
        CHECK_EQUAL(views.levels.size(), expected.levels().size());
        for (std::size_t i = 0; i < views.levels.size(); ++i) {
          const multigrid::Level<float>& level = expected.levels()[i];
          const multigrid::AxisView<float>* axes[3] = {&level.view.planes, &level.view.rows,
                                                       &level.view.points};
          for (int d = 0; d < 3; ++d) {
            const multigrid::AxisView<float>& mine = views.levels[i].box.axes[d];
            const auto near = [](float a, float b) {
              return std::abs(a - b) <= 1e-6f * (1 + std::abs(b));
            };
            CHECK_EQUAL(mine.size, axes[d]->size);
            for (std::int64_t x = 0; x < mine.size; ++x) {
              CHECK(near(mine.lower[x], axes[d]->lower[x]));
              CHECK(near(mine.upper[x], axes[d]->upper[x]));
              CHECK(near(mine.diagonal[x], axes[d]->diagonal[x]));
            }
            if (i + 1 == views.levels.size()) continue;
            const auto& up = level.transfers.up[d];
            const auto& my_up = views.levels[i].transfers.up[d];
            for (std::int64_t x = 0; x < mine.size; ++x) {
              for (int k = 0; k < 2; ++k) {
                CHECK(near(my_up.weights[k][x], up.weights[k][x]));
                CHECK(up.weights[k][x] == 0 || my_up.points[k][x] == up.points[k][x]);
              }
            }
            const auto& down = level.transfers.down[d];
            const auto& my_down = views.levels[i].transfers.down[d];
            for (std::int64_t k = 0;
                 k < views.levels[i + 1].box.axes[d].size * multigrid::kMostFine; ++k) {
              CHECK(near(my_down.weights[k], down.weights[k]));
              CHECK(down.weights[k] == 0 || my_down.points[k] == down.points[k]);
            }
          }
        }
      }
    }
  }
}

TEST(poisson_sizes) {
  compare_poisson<double>({{31, 31}, {kDirichlet}});
  compare_poisson<double>({{63, 50}, {kDirichlet}});
  compare_poisson<float>({{37, 65}, {kDirichlet}});
  compare_poisson<double>({{1, 1}, {kDirichlet}});
  compare_poisson<double>({{1, 70}, {kDirichlet}});
  compare_poisson<double>({{70, 1}, {kDirichlet}});
  compare_poisson<double>({{2, 3}, {kDirichlet}});
  compare_poisson<double>({{63, 63}, {kDirichlet}, false, {1, 1, 1}, 96 << 10});
  compare_poisson<double>({{40, 41}, {kDirichlet}}, true);
  compare_poisson<float>({{40, 41}, {kDirichlet}, true}, true);
}

TEST(poisson_sides) {
  for (const bool cell : {false, true}) {
    compare_poisson<double>({{33, 40}, {kNeumann}, cell});
    compare_poisson<double>({{33, 40}, {kPeriodic}, cell});  // an odd one
    compare_poisson<double>({{33, 39}, {kPeriodic, kDirichlet}, cell});
    compare_poisson<float>({{32, 45}, {kLeft, kPeriodic}, cell});
    compare_poisson<double>({{38, 33}, {kRight, kLeft}, cell});
    compare_poisson<double>({{33, 40}, {kNeumann, kPeriodic}, cell}, true);
  }
  compare_poisson<double>({{33, 40}, {kPeriodic}, false, {1, 1, 1}, 96 << 10});
}

TEST(poisson_boxes) {
  compare_poisson<double>({{15, 15, 15}, {kDirichlet}});
  compare_poisson<double>({{9, 14, 21}, {kPeriodic, kDirichlet, kNeumann}});
  compare_poisson<float>({{12, 9, 17}, {kNeumann, kLeft, kPeriodic}, true});
  compare_poisson<double>({{40, 40}, {kDirichlet}, false, {1, 7.3, 1}});
  compare_poisson<double>({{7, 30, 12}, {kNeumann}, true, {0.3, 0.01, 0.1}});
}

TEST(poisson_without_a_look) {
  const multigrid::Box box = box_of({{31, 31}, {kDirichlet}});
  const std::vector<double> f = noise(2 * box.points(), 7);
  int looks = -1;
  const auto fixed = poisson_on_fibres<double>(box, 2, f, nullptr, {0, 6, 4096}, &looks);
  CHECK_EQUAL(looks, 0);
  CHECK_EQUAL(fixed.report.iterations[0], 6);
  CHECK_EQUAL(fixed.report.iterations[1], 6);
  const auto none = poisson_on_fibres<double>(box, 2, f, nullptr, {1e-8, 0, 4096}, &looks);
  CHECK_EQUAL(none.report.iterations[0], 0);
  CHECK_EQUAL(none.report.residual[0], 1.0);
  // The bits do not depend on what is in shared memory.
  const auto shared = poisson_on_fibres<double>(box, 2, f, nullptr, {0, 6});
  CHECK(shared.u == fixed.u);
  // Nor on what is one kernel.
  for (const auto& sides : {kDirichlet, kPeriodic}) {
    const multigrid::Box other = box_of({{33, 31}, {sides, kDirichlet}});
    const auto fused = poisson_on_fibres<double>(other, 1, noise(other.points(), 9), nullptr,
                                                 {0, 3, 4096, 4, 1 << 17});
    const auto apart =
        poisson_on_fibres<double>(other, 1, noise(other.points(), 9), nullptr, {0, 3, 4096, 4, 0});
    CHECK(fused.u == apart.u);
  }
}

TEST(poisson_of_nan) {
  const multigrid::Box box = box_of({{20, 21}, {kDirichlet}});
  std::vector<double> f = noise(2 * box.points(), 8);
  f[30] = std::numeric_limits<double>::quiet_NaN();
  const auto cpu = poisson_on_cpu<double>(box, 2, f, nullptr, 1e-8, 40);
  const auto gpu = poisson_on_fibres<double>(box, 2, f, nullptr, {1e-8, 40});
  CHECK(std::isnan(gpu.report.residual[0]));
  CHECK(std::isnan(gpu.u[0]) && std::isnan(cpu.u[0]));
  CHECK_EQUAL(gpu.report.iterations[0], cpu.report.iterations[0]);
  CHECK(gpu.report.residual[1] <= 1e-8);
}

}  // namespace
