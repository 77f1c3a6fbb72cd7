// The CUDA kernels of operators on grids, run on the CPU by simt/cuda_runtime.h, beside the CPU's:
// the bits are the same. Sizes, seams, boxes, batches, every level, every smoother, both types; and
// the levels that they make, ghosts and all.
#include "cuda/multigrid/grid_steps.cuh"
#include "diffusion_cuda_case.h"
#include "test.h"

#include <cstdlib>
#include <utility>

namespace {

using namespace longtail;
using namespace multigrid_case;
using multigrid::GridWork;
using multigrid::Smoother;
using multigrid::StencilMethod;

#define LONGTAIL_NAME_OF(level) #level
#define LONGTAIL_NAME(level) LONGTAIL_NAME_OF(level)

/// Levels without fused multiplication have other bits: the CPU's kernels shall be of the level
/// that this file is compiled for.
[[maybe_unused]] const int kForced = setenv("LONGTAIL_CPU_LEVEL", LONGTAIL_NAME(LONGTAIL_LEVEL), 1);

template <class S>
std::vector<S> rounded(const std::vector<double>& from) {
  return {from.begin(), from.end()};
}

/// Systems with their levels, as the CPU makes them.
template <class S>
struct Levels {
  explicit Levels(const DiffusionCase& of, std::int64_t count)
      : data(of, count, false),
        systems(count),
        plan(multigrid::plan_levels<S>(data.shape)),
        memory(systems * plan.numbers) {
    multigrid::diffusion_hierarchy(data.shape, systems, data.pointers, memory.data());
  }

  DiffusionData data;
  std::int64_t systems;
  multigrid::StencilPlan plan;
  std::vector<S> memory;
};

template <class S>
std::int64_t points_behind(const Levels<S>& of, const GridWork& work, std::size_t level) {
  return of.plan.levels[level + (work.kind == GridWork::restrict ? 1 : 0)].shape.points();
}

template <class S>
std::vector<S> on_cpu(const Levels<S>& of, const GridWork& work, std::size_t level,
                      std::int64_t batch, const S* start, const std::vector<S>& values) {
  const multigrid::GridOperators<S> a{of.plan, of.memory.data(), of.systems, level};
  std::vector<S> to(batch * points_behind(of, work, level));
  const S* const from = values.data();
  switch (work.kind) {
    case GridWork::apply:
      multigrid::grid_apply(a, batch, from, to.data());
      break;
    case GridWork::smooth:
      multigrid::grid_smooth(a, work.method, work.method.before, work.reverse, batch, start, from,
                             to.data());
      break;
    case GridWork::cycle:
      multigrid::grid_cycle(a, work.method, batch, start, from, to.data());
      break;
    case GridWork::restrict:
      multigrid::grid_restrict(a, batch, from, to.data());
      break;
    case GridWork::prolong:
      multigrid::grid_prolong(a, batch, from, to.data());
      break;
  }
  return to;
}

/// In memory as a GPU gives it.
template <class S>
std::vector<S> on_fibres(const Levels<S>& of, const GridWork& work, std::size_t level,
                         std::int64_t batch, const S* start, const std::vector<S>& values,
                         std::int64_t shared_bytes) {
  // Ghosts are for the CPU: here nobody may read them.
  std::vector<S> to(batch * points_behind(of, work, level), std::numeric_limits<S>::quiet_NaN());
  const cuda::GridCall<S> call{work,
                               {&of.plan, of.memory.data(), of.systems, of.plan.numbers},
                               static_cast<std::int64_t>(level),
                               batch,
                               start,
                               values.data(),
                               to.data()};
  const auto plan = cuda::plan_of(call, {{}, true, shared_bytes});
  cuda::CycleViews<S> views;
  Layout size;
  views.place(plan, size);
  const Unwritten memory(size.size());
  Layout layout(memory.data());
  views.place(plan, layout);
  cuda::run_grid(call, plan, views, OnFibres());
  return to;
}

template <class S>
void compare_work(const Levels<S>& of, const GridWork& work, std::size_t level, bool from_zero,
                  std::int64_t shared_bytes) {
  const std::int64_t batch = 2 * of.systems;  // problem b has system b % systems
  const std::size_t read = level + (work.kind == GridWork::prolong ? 1 : 0);
  const std::int64_t points = of.plan.levels[read].shape.points();
  const auto values = rounded<S>(noise(batch * points, 40)),
             u = rounded<S>(noise(batch * points, 41));
  const S* const start = from_zero ? nullptr : u.data();
  const auto cpu = on_cpu(of, work, level, batch, start, values);
  const auto gpu = on_fibres(of, work, level, batch, start, values, shared_bytes);
  CHECK(gpu == cpu);
}

const StencilMethod kMethods[] = {
    {},
    {Smoother::colours, 2, 1, 1, false, false},
    {Smoother::colours, 1, 2, 1.2, true, true},
    {Smoother::colours, 1, 0, 1, true, false},
    {Smoother::jacobi, 1, 2, 0.8},
    {Smoother::chebyshev, 3, 2},
    {Smoother::chebyshev, 0, 1},
};

/// Everything on every level; cycles with most levels in shared memory and with few.
template <class S>
void compare_grid(const DiffusionCase& of, std::int64_t systems) {
  const Levels<S> levels(of, systems);
  const std::size_t last = levels.plan.levels.size() - 1;
  for (std::size_t level = 0; level <= last; ++level) {
    compare_work<S>(levels, {GridWork::apply}, level, true, 0);
    if (level < last) {
      compare_work<S>(levels, {GridWork::restrict}, level, true, 0);
      compare_work<S>(levels, {GridWork::prolong}, level, true, 0);
    }
    for (const StencilMethod& method : kMethods) {
      const bool zero = method.after != 1;
      compare_work<S>(levels, {GridWork::smooth, method, method.reverse_before}, level, zero, 0);
      compare_work<S>(levels, {GridWork::smooth, method, true}, level, !zero, 0);
      if (level > 1 && level < last) continue;
      for (const std::int64_t bytes : {of.shared_bytes, std::int64_t{96} << 10}) {
        compare_work<S>(levels, {GridWork::cycle, method}, level, zero, bytes);
        compare_work<S>(levels, {GridWork::cycle, method}, level, !zero, bytes);
      }
    }
  }
}

TEST(grids) {
  compare_grid<double>({{31, 18}, {false}}, 1);
  compare_grid<float>({{20, 37}, {false}, true, 100}, 2);
  compare_grid<double>({{1, 50}, {false}}, 2);
  compare_grid<float>({{50, 1}, {false}}, 1);
  compare_grid<double>({{1, 1}, {false}}, 1);
  compare_grid<float>({{24, 30}, {false, true}, false, 10, {1, 5.3, 1}}, 1);
}

TEST(seams) {
  compare_grid<double>({{16, 26}, {true}}, 2);
  compare_grid<float>({{17, 27}, {true}}, 1);  // odd
  compare_grid<double>({{17, 26}, {true, false}, true, 1000}, 1);
  compare_grid<float>({{18, 25}, {false, true}}, 2);
}

TEST(boxes) {
  compare_grid<double>({{5, 8, 7}, {false}, false, 1000}, 1);
  compare_grid<float>({{7, 6, 9}, {true}}, 2);
  compare_grid<double>({{6, 9, 5}, {true, false, true}, true}, 1);
}

/// Arrays of a level, each with its ghosts: where the number of point (0, 0, 0) is.
template <class S>
std::vector<std::pair<std::int64_t, multigrid::GridShape>> arrays_of(
    const multigrid::StencilPlan& plan, std::size_t i) {
  std::vector<std::pair<std::int64_t, multigrid::GridShape>> result;
  const multigrid::LevelPlan& level = plan.levels[i];
  const auto add = [&](std::int64_t place, const multigrid::GridShape& shape) {
    if (place >= 0) result.emplace_back(place - multigrid::origin_of<S>(shape), shape);
  };
  for (const std::int64_t place : level.weights) add(place, level.shape);
  add(level.centre, level.shape);
  add(level.reciprocal, level.shape);
  for (const std::int64_t place : level.share) {
    if (!level.last) add(place, plan.levels[i + 1].shape);
  }
  return result;
}

/// Whether so many numbers are alike; sums have another order, and some of them nearly cancel where
/// the contrast is large.
template <class S>
bool alike(const S* got, const S* expected, std::int64_t count, double tolerance) {
  double largest = 0, error = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto mine = static_cast<double>(got[i]), other = static_cast<double>(expected[i]);
    if (std::isnan(mine)) return false;
    largest = std::max(largest, std::abs(other));
    error = std::max(error, std::abs(mine - other));
  }
  return error <= tolerance * largest;
}

template <class S>
void compare_setup(const DiffusionCase& of, std::int64_t systems) {
  const Levels<S> cpu(of, systems);
  std::vector<S> made(cpu.memory.size(), S(0));
  const multigrid::FacesView<double> faces{
      {cpu.data.pointers[0], cpu.data.pointers[1], cpu.data.pointers[2]}};
  const cuda::HierarchyCall<S> call{cpu.data.shape, systems, faces, made.data()};
  cuda::HierarchyRoom<S> room(call);
  const Unwritten memory(room.place(nullptr));
  room.place(memory.data());
  const OnFibres launch;
  const cuda::HierarchySteps<OnFibres> steps(room.task, launch);
  steps.finest(faces);
  steps.coarser();
  const double tolerance = sizeof(S) == 8 ? 1e-10 : 1e-7;
  for (std::int64_t system = 0; system < systems; ++system) {
    const S* const mine = made.data() + system * cpu.plan.numbers;
    const S* const other = cpu.memory.data() + system * cpu.plan.numbers;
    std::vector<bool> compared(cpu.plan.numbers);
    const auto compare = [&](std::int64_t at, std::int64_t count, double to) {
      CHECK(alike(mine + at, other + at, count, to));
      std::fill_n(compared.begin() + at, count, true);
    };
    for (std::size_t i = 0; i < cpu.plan.levels.size(); ++i) {
      for (const auto& [at, shape] : arrays_of<S>(cpu.plan, i)) {
        compare(at, multigrid::numbers_of<S>(shape), tolerance);
      }
      compare(cpu.plan.levels[i].bound, 1, tolerance);
    }
    const std::int64_t few = cpu.plan.levels.back().shape.points();
    compare(cpu.plan.inverse, few * few, 1e3 * tolerance);  // of a matrix with a condition
    for (std::int64_t i = 0; i < cpu.plan.numbers; ++i) {
      if (!compared[i]) CHECK(mine[i] == 0 && other[i] == 0);
    }
  }
}

TEST(levels) {
  compare_setup<double>({{31, 40}, {false}}, 2);
  compare_setup<float>({{31, 40}, {false}}, 1);
  compare_setup<float>({{33, 41}, {true}, false, 1000}, 2);  // seams
  compare_setup<double>({{32, 21}, {true, false}, true}, 1);
  compare_setup<float>({{40, 40}, {false}, false, 10, {1, 5.3, 1}}, 1);
  compare_setup<double>({{1, 1}, {true}}, 1);
  compare_setup<double>({{2, 3}, {true}}, 2);
  compare_setup<float>({{11, 12, 13}, {false}, false, 1000}, 1);
  compare_setup<double>({{7, 10, 9}, {true}, false, 100}, 2);
  compare_setup<float>({{7, 10, 9}, {false, true, true}, true}, 2);
}

template <class S>
void compare_flow(const DiffusionCase& of, std::int64_t systems) {
  const DiffusionData data(of, systems, false);
  const std::int64_t batch = 2 * systems;
  const std::int64_t points = data.shape.sizes[0] * data.shape.sizes[1] * data.shape.sizes[2];
  std::vector<S> faces[3], to(batch * points), expected(batch * points);
  multigrid::FacesView<S> view{};
  for (int axis = 0; axis < 3; ++axis) {
    faces[axis] = rounded<S>(data.faces[axis]);
    view.of[axis] = faces[axis].data();
  }
  const auto u = rounded<S>(noise(batch * points, 42));
  multigrid::diffusion_apply(data.shape, systems, view.of, batch, u.data(), expected.data());
  const cuda::PointTiles tiles = cuda::all_points(data.shape.sizes);
  OnFibres()(cuda::flow_of_faces<S>, cuda::point_grid(tiles, batch), cuda::kPointThreads, 0,
             data.shape, tiles, systems, view, batch, u.data(), to.data());
  CHECK(to == expected);
}

TEST(flow) {
  compare_flow<double>({{31, 40}, {false}}, 2);
  compare_flow<float>({{33, 41}, {true}}, 1);
  compare_flow<double>({{1, 1}, {true}}, 1);
  compare_flow<float>({{30, 1}, {true, false}, true}, 3);
  compare_flow<double>({{7, 10, 9}, {true, false, true}}, 2);
  compare_flow<float>({{7, 1, 9}, {true}}, 1);
}

}  // namespace
