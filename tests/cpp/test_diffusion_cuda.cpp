// The CUDA kernels of diffusion_solve, run on the CPU by simt/cuda_runtime.h, beside the CPU's own
// solver: setup, cycles and conjugate gradients; sizes, seams, contrast, one system and many.
#include "cuda/multigrid/diffusion_steps.cuh"
#include "multigrid/black_box.h"
#include "multigrid_cuda_case.h"
#include "test.h"

#include <limits>

namespace {

using namespace longtail;
using namespace multigrid_case;

struct DiffusionCase {
  std::vector<std::int64_t> sizes;
  std::vector<bool> periodic;
  bool closed = false;  // Neumann sides instead of Dirichlet
  double contrast = 10;
  std::vector<double> spacings = {1, 1, 1};
  std::int64_t shared_bytes = 2048;
};

multigrid::DiffusionShape shape_of(const DiffusionCase& of) {
  multigrid::DiffusionShape shape{of.sizes.size() == 2, {1, 1, 1}, {}, {1, 1, 1}};
  const std::size_t missing = 3 - of.sizes.size();
  for (std::size_t d = 0; d < of.sizes.size(); ++d) {
    shape.sizes[missing + d] = of.sizes[d];
    shape.periodic[missing + d] = of.periodic[d % of.periodic.size()];
    shape.spacings[missing + d] = of.spacings[d];
  }
  return shape;
}

/// Of cells of two phases in random places: the harmonic means of neighbours.
std::vector<double> faces_across(int axis, const DiffusionCase& of, std::int64_t systems) {
  const multigrid::DiffusionShape shape = shape_of(of);
  const std::int64_t* const n = shape.sizes;
  const std::vector<double> phases = noise(systems * n[0] * n[1] * n[2], 20);
  std::int64_t sizes[3] = {n[0], n[1], n[2]};
  sizes[axis] += 1;
  const double h = shape.spacings[axis];
  std::vector<double> result;
  for (std::int64_t i = 0; i < systems * sizes[0] * sizes[1] * sizes[2]; ++i) {
    std::int64_t place[3], rest = i;
    for (int d = 3; d-- > 0; rest /= sizes[d]) place[d] = rest % sizes[d];
    const auto cell = [&](std::int64_t at) {
      std::int64_t to[3] = {place[0], place[1], place[2]};
      to[axis] = (at + n[axis]) % n[axis];
      return phases[((rest * n[0] + to[0]) * n[1] + to[1]) * n[2] + to[2]] > 0.3 ? of.contrast : 1;
    };
    const double front = cell(place[axis] - 1), behind = cell(place[axis]);
    double face = 2 * front * behind / (front + behind);
    const bool end = place[axis] == 0 || place[axis] == n[axis];
    if (end && !shape.periodic[axis]) {
      face = of.closed ? 0 : 2 * (place[axis] == 0 ? behind : front);
    }
    result.push_back(face / (h * h));
  }
  return result;
}

/// Faces, right-hand sides and first iterates; those of the second problem are nothing to solve.
struct DiffusionData {
  DiffusionData(const DiffusionCase& of, std::int64_t of_systems, bool with_initial)
      : shape(shape_of(of)), systems(of_systems), batch(systems > 1 ? systems : 3) {
    const std::int64_t points = shape.sizes[0] * shape.sizes[1] * shape.sizes[2];
    f = noise(batch * points, 30);
    if (with_initial) first = noise(batch * points, 31);
    std::fill_n(f.begin() + points, points, 0.0);
    for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
      faces[axis] = faces_across(axis, of, systems);
      pointers[axis] = faces[axis].data();
    }
  }
  DiffusionData(const DiffusionData&) = delete;
  const double* initial() const { return first.empty() ? nullptr : first.data(); }

  multigrid::DiffusionShape shape;
  std::int64_t systems, batch;
  std::vector<double> faces[3], f, first;
  const double* pointers[3] = {};
};

Solved<double> diffusion_on_cpu(const DiffusionData& of, double tolerance, int most) {
  Solved<double> result{std::vector<double>(of.f.size()), Reported(of.batch)};
  multigrid::DiffusionProblems problems{of.systems,   of.batch,       {}, nullptr, of.f.data(),
                                        of.initial(), result.u.data()};
  std::copy_n(of.pointers, 3, problems.faces);
  multigrid::diffusion_solve(
      of.shape, problems, {tolerance, most, {}},
      {result.report.iterations.data(), result.report.residual.data(), nullptr});
  return result;
}

Solved<double> diffusion_on_fibres(const DiffusionData& of, const cuda::DiffusionOptions& options,
                                   int* looks = nullptr) {
  const cuda::DiffusionPlan plan(of.shape, of.systems, of.batch, options);
  cuda::DiffusionViews views;
  const Unwritten memory(views.place(plan, nullptr));
  views.place(plan, memory.data());
  const OnFibres launch;
  Solved<double> result{std::vector<double>(of.f.size()), Reported(of.batch)};
  const cuda::DiffusionSteps<OnFibres> steps(plan, views, launch);
  steps.prepare(of.pointers);
  steps.solve(of.f.data(), of.initial(), result.u.data(),
              {result.report.iterations.data(), result.report.residual.data()});
  if (looks) *looks = launch.looks;
  return result;
}

void compare_diffusion(const DiffusionCase& of, std::int64_t systems = 1,
                       bool with_initial = false) {
  const DiffusionData data(of, systems, with_initial);
  const double tolerance = 1e-9;
  const auto cpu = diffusion_on_cpu(data, tolerance, 60);
  const auto gpu = diffusion_on_fibres(data, {tolerance, 60, of.shared_bytes});
  CHECK(relative(gpu.u, cpu.u) <= 1e-8);
  for (std::int64_t b = 0; b < data.batch; ++b) {
    CHECK(std::abs(gpu.report.iterations[b] - cpu.report.iterations[b]) <= 1);
    CHECK(gpu.report.residual[b] <= tolerance);
  }
  CHECK_EQUAL(gpu.report.iterations[1], 0);
}

/// An array without ghosts beside one with them.
void compare_arrays(const double* mine, const float* narrow, const multigrid::GridShape& shape,
                    const multigrid::Grid<double>& expected) {
  double largest = 0;
  for (std::int64_t line = 0; line < shape.lines(); ++line) {
    for (std::int64_t x = 0; x < shape.sizes[2]; ++x) {
      largest = std::max(largest, std::abs(expected.data()[shape.line(line) + x]));
    }
  }
  for (std::int64_t line = 0; line < shape.lines(); ++line) {
    for (std::int64_t x = 0; x < shape.sizes[2]; ++x) {
      const double exact = expected.data()[shape.line(line) + x];
      const std::int64_t i = line * shape.sizes[2] + x;
      // The order of sums differs, and some of them nearly cancel where the contrast is large.
      CHECK(std::abs(mine[i] - exact) <= 1e-10 * largest);
      CHECK(std::abs(static_cast<double>(narrow[i]) - exact) <= 1e-7 * largest);
    }
  }
}

/// Every weight and share of every level of the last system.
void compare_setup(const DiffusionCase& of, std::int64_t systems) {
  const DiffusionData data(of, systems, false);
  const cuda::DiffusionPlan plan(data.shape, systems, data.batch, {1e-8, 10});
  cuda::DiffusionViews views;
  const Unwritten memory(views.place(plan, nullptr));
  views.place(plan, memory.data());
  const OnFibres launch;
  cuda::DiffusionSteps<OnFibres>(plan, views, launch).prepare(data.pointers);
  const double* faces[3] = {};
  for (int axis = data.shape.flat ? 1 : 0; axis < 3; ++axis) {
    const auto size = static_cast<std::int64_t>(data.faces[axis].size()) / systems;
    faces[axis] = data.pointers[axis] + (systems - 1) * size;
  }
  multigrid::Stencil stencil = multigrid::diffusion_stencil(data.shape, faces);
  const std::int64_t wide = (systems - 1) * views.exact.system;
  const std::int64_t narrow = (systems - 1) * views.narrow.system;
  for (std::size_t i = 0; i < plan.levels.size(); ++i) {
    const auto& exact = views.exact.levels[i];
    const auto& rounded = views.narrow.levels[i];
    compare_arrays(exact.stencil.centre + wide, rounded.stencil.centre + narrow, stencil.shape,
                   stencil.centre);
    for (int k = 0; k < multigrid::kCentre; ++k) {
      CHECK_EQUAL(exact.stencil.weights[k] != nullptr, stencil.has(k));
      if (!stencil.has(k)) continue;
      compare_arrays(exact.stencil.weights[k] + wide, rounded.stencil.weights[k] + narrow,
                     stencil.shape, stencil.weights[k]);
    }
    if (i + 1 == plan.levels.size()) break;
    bool halved[3];
    for (int axis = 0; axis < 3; ++axis) halved[axis] = exact.shares.axes[axis].halved;
    const multigrid::Shares shares = multigrid::black_box_shares(stencil, halved);
    for (int k = 0; k < 27; ++k) {
      CHECK_EQUAL(exact.shares.share[k] != nullptr, shares.along(k));
      if (!shares.along(k)) continue;
      compare_arrays(exact.shares.share[k] + wide, rounded.shares.share[k] + narrow, shares.coarse,
                     shares.share[k]);
    }
    stencil = multigrid::galerkin(stencil, shares);
  }
}

TEST(setup_of_levels) {
  compare_setup({{31, 40}, {false}}, 2);
  compare_setup({{33, 41}, {true}, false, 1000}, 2);  // seams
  compare_setup({{32, 21}, {true, false}, true}, 1);
  compare_setup({{40, 40}, {false}, false, 10, {1, 5.3, 1}}, 1);
  compare_setup({{11, 12, 13}, {false}, false, 1000}, 1);
  compare_setup({{7, 10, 9}, {true}, false, 100}, 2);
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
  compare_diffusion({{33, 40}, {true, false}, true, 1000});
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

TEST(diffusion_of_nan) {
  DiffusionData data({{20, 21}, {false}}, 1, false);
  data.f[30] = std::numeric_limits<double>::quiet_NaN();
  const auto cpu = diffusion_on_cpu(data, 1e-8, 40);
  const auto gpu = diffusion_on_fibres(data, {1e-8, 40});
  CHECK(std::isnan(gpu.report.residual[0]));
  CHECK_EQUAL(gpu.report.iterations[0], cpu.report.iterations[0]);
  CHECK(gpu.report.residual[2] <= 1e-8);
}

}  // namespace
