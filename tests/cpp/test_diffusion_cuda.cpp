// The CUDA kernels of diffusion_solve, run on the CPU by simt/cuda_runtime.h, beside the CPU's own
// solver: setup, cycles and conjugate gradients; sizes, seams, contrast, one system and many.
#include "cuda/multigrid/diffusion_steps.cuh"
#include "diffusion_cuda_case.h"
#include "test.h"

#include <cmath>
#include <limits>

namespace {

using namespace longtail;
using namespace multigrid_case;

template <class C = float>
Solved<double> diffusion_on_cpu(const DiffusionData& of, double tolerance, int most) {
  Solved<double> result{std::vector<double>(of.f.size()), Reported(of.batch)};
  multigrid::DiffusionProblems<C> problems{of.systems,   of.batch,       {}, nullptr, of.f.data(),
                                           of.initial(), result.u.data()};
  std::copy_n(of.pointers, 3, problems.faces);
  multigrid::diffusion_solve(
      of.shape, problems, {tolerance, most, {}},
      {result.report.iterations.data(), result.report.residual.data(), nullptr});
  return result;
}

template <class C = float>
Solved<double> diffusion_on_fibres(const DiffusionData& of, const cuda::DiffusionOptions& options,
                                   int* looks = nullptr, const C* given = nullptr) {
  const cuda::DiffusionPlan<C> plan(of.shape, of.systems, of.batch, options, given != nullptr);
  cuda::DiffusionViews<C> views;
  const Unwritten memory(views.place(plan, nullptr));
  views.place(plan, memory.data());
  const OnFibres launch;
  Solved<double> result{std::vector<double>(of.f.size()), Reported(of.batch)};
  const cuda::DiffusionSteps<OnFibres, C> steps(plan, views, given, launch);
  steps.prepare({{of.pointers[0], of.pointers[1], of.pointers[2]}});
  steps.solve(of.f.data(), of.initial(), result.u.data(),
              {result.report.iterations.data(), result.report.residual.data()});
  if (looks) *looks = launch.looks;
  return result;
}

/// The CPU's iterations but for `apart`.
template <class C = float>
void compare_diffusion(const DiffusionCase& of, std::int64_t systems = 1, bool with_initial = false,
                       std::int64_t apart = 1) {
  const DiffusionData data(of, systems, with_initial);
  const double tolerance = 1e-9;
  const auto cpu = diffusion_on_cpu<C>(data, tolerance, 60);
  const auto gpu = diffusion_on_fibres<C>(data, {tolerance, 60, of.shared_bytes});
  CHECK(relative(gpu.u, cpu.u) <= 1e-8);
  for (std::int64_t b = 0; b < data.batch; ++b) {
    CHECK(std::abs(gpu.report.iterations[b] - cpu.report.iterations[b]) <= apart);
    CHECK(gpu.report.residual[b] <= tolerance);
  }
  CHECK_EQUAL(gpu.report.iterations[1], 0);
}

TEST(diffusion_sizes) {
  compare_diffusion({{31, 31}, {false}});
  compare_diffusion({{40, 37}, {false}});
  compare_diffusion({{1, 50}, {false}});
  compare_diffusion({{50, 1}, {false}});
  compare_diffusion({{1, 1}, {false}});
  compare_diffusion({{33, 30}, {false}}, 3);
  compare_diffusion({{33, 30}, {false}, false, 1000}, 2, true);
  compare_diffusion({{63, 60}, {false}, false, 1000, {1, 1, 1}, 96 << 10});
}

TEST(diffusion_sides) {
  compare_diffusion({{32, 40}, {true}});
  compare_diffusion({{33, 41}, {true}});  // odd: seams
  compare_diffusion({{30, 37}, {false}, true}, 3, true);
  compare_diffusion({{33, 41}, {true}, false, 100, {1, 1, 1}, 96 << 10}, 2);
  compare_diffusion({{40, 40}, {false, true}, false, 10, {1, 5.3, 1}});
}

TEST(diffusion_boxes) {
  compare_diffusion({{11, 12, 13}, {false}, false, 1000});
  compare_diffusion({{9, 12, 11}, {true, false, true}}, 2);
  compare_diffusion({{7, 10, 9}, {true}}, 1, true);
  compare_diffusion({{6, 14, 9}, {false}, true, 100, {2, 1, 1}});
}

/// Single cells of 1000 to 1, held by no side: no coarse grid shows their pattern, and how soon
/// conjugate gradients find its modes rests on rounding. Cycles in float64 differ as much from
/// those in float32 (40 from 45 iterations); the solution does not.
TEST(diffusion_of_single_cells) {
  compare_diffusion({{33, 40}, {true, false}, true, 1000}, 1, false, 8);
}

/// Cycles in float64, rings of a strongly coupled axis, and means that rounding leaves.
TEST(diffusion_with_far_spacings) {
  compare_diffusion<double>({{24, 31}, {false}, true, 100, {1, 300, 1}});
  compare_diffusion<double>({{31, 25}, {false, true}, true, 10, {300, 1, 1}}, 3);
  compare_diffusion<double>({{23, 30}, {true, false}, false, 100, {1, 300, 1}}, 1, true);
  compare_diffusion<double>({{7, 9, 8}, {true}, false, 10, {1, 100, 1}});
  compare_diffusion({{7, 6, 8}, {true, false, true}, true, 10, {1, 1, 30}}, 2);
}

TEST(diffusion_without_a_look) {
  const DiffusionData data({{31, 30}, {false}}, 1, false);
  int looks = -1;
  const auto fixed = diffusion_on_fibres(data, {0, 5, 2048}, &looks);
  const auto cpu = diffusion_on_cpu(data, 0, 5);
  CHECK_EQUAL(looks, 0);
  CHECK_EQUAL(fixed.report.iterations[0], 5);
  CHECK(std::abs(fixed.report.residual[0] - cpu.report.residual[0]) <=
        1e-3 * cpu.report.residual[0]);
  // The bits do not depend on what is in shared memory.
  CHECK(diffusion_on_fibres(data, {0, 5}).u == fixed.u);
  const auto none = diffusion_on_fibres(data, {1e-8, 0, 2048});
  CHECK_EQUAL(none.report.iterations[0], 0);
  CHECK_EQUAL(none.report.residual[0], 1.0);
}

/// The CPU's levels instead of own ones: the same but for rounding.
void compare_given(const DiffusionCase& of, std::int64_t systems) {
  const DiffusionData data(of, systems, true);
  const std::int64_t numbers = multigrid::plan_levels<float>(data.shape).numbers;
  std::vector<float> levels(systems * numbers);
  multigrid::diffusion_hierarchy(data.shape, systems, data.pointers, levels.data());
  const auto own = diffusion_on_fibres(data, {1e-9, 60, of.shared_bytes});
  const auto given = diffusion_on_fibres(data, {1e-9, 60, of.shared_bytes}, nullptr, levels.data());
  CHECK(relative(given.u, own.u) <= 1e-8);
  for (std::int64_t b = 0; b < data.batch; ++b) {
    CHECK(std::abs(given.report.iterations[b] - own.report.iterations[b]) <= 1);
    CHECK(given.report.residual[b] <= 1e-9);
  }
  // And it is they that are used: without any shares cycles do far less.
  const multigrid::StencilPlan plan = multigrid::plan_levels<float>(data.shape);
  for (std::int64_t i = 0; i < systems; ++i) {
    const std::int64_t from = plan.levels[0].bound, to = plan.levels[1].weights[12];
    std::fill_n(levels.begin() + i * numbers + from, to - from - 64, 0.0f);
  }
  const auto worse = diffusion_on_fibres(data, {1e-9, 60, of.shared_bytes}, nullptr, levels.data());
  CHECK(worse.report.iterations[0] > given.report.iterations[0] + 3);
}

TEST(given_levels) {
  compare_given({{33, 40}, {false}, false, 100}, 1);
  compare_given({{33, 40}, {true, false}, true}, 3);
  compare_given({{9, 12, 11}, {true, false, true}}, 2);
}

/// Problems whose squares are no numbers any more: the bits of plain ones, in units of 2^k.
TEST(diffusion_of_any_size) {
  for (const bool with_initial : {false, true}) {
    const DiffusionCase of{{20, 21}, {true}};
    const DiffusionData plain(of, 1, with_initial);
    const auto expected = diffusion_on_fibres(plain, {1e-8, 40});
    for (const int power : {-990, 985}) {
      DiffusionData scaled(of, 1, with_initial);
      for (double& f : scaled.f) f = std::ldexp(f, power);
      for (double& x : scaled.first) x = std::ldexp(x, power);
      auto got = diffusion_on_fibres(scaled, {1e-8, 40});
      for (double& u : got.u) u = std::ldexp(u, -power);
      CHECK(got.u == expected.u);
      CHECK(got.report.iterations == expected.report.iterations);
      CHECK(got.report.residual == expected.report.residual);
    }
  }
}

TEST(diffusion_of_nan) {
  DiffusionData data({{20, 21}, {false}}, 1, false);
  data.f[30] = std::numeric_limits<double>::quiet_NaN();
  const auto cpu = diffusion_on_cpu(data, 1e-8, 40);
  const auto gpu = diffusion_on_fibres(data, {1e-8, 40});
  CHECK(std::isnan(gpu.report.residual[0]));
  CHECK(std::isnan(gpu.u[0]) && std::isnan(cpu.u[0]));
  CHECK_EQUAL(gpu.report.iterations[0], cpu.report.iterations[0]);
  CHECK(gpu.report.residual[2] <= 1e-8);
}

}  // namespace
