// Operators on grids: what their calls place in memory, and their kernels; `Launch` as of
// poisson_steps.cuh.
#pragma once

#include "cuda/multigrid/grid_launch.h"
#include "cuda/multigrid/hierarchy_steps.cuh"

namespace longtail::cuda {

template <class S>
CyclePlan<S> plan_of(const GridCall<S>& call, CycleOptions options = {}) {
  options.method = call.work.method;
  options.deep = call.work.kind == multigrid::GridWork::cycle;
  return {*call.hierarchies.plan, call.level, call.batch, options};
}

template <class S, class Launch>
void run_grid(const GridCall<S>& call, const CyclePlan<S>& plan, const CycleViews<S>& views,
              const Launch& launch) {
  using multigrid::GridWork;
  const Batch all{call.batch, nullptr};
  const StencilCycle<S, Launch> steps(plan, views, call.hierarchies, all, launch);
  const multigrid::StencilMethod& method = call.work.method;
  const auto copy_start = [&] {
    if (call.start == nullptr) return;
    const GridShape& shape = plan.shape(call.level);
    const PointTiles tiles = all_points(shape.sizes);
    launch(copy_points<S>, point_grid(tiles, call.batch), kPointThreads, 0, shape.points(), tiles,
           all, call.start, call.to);
  };
  switch (call.work.kind) {
    case GridWork::apply:
      return steps.apply(call.values, call.to);
    case GridWork::smooth:
      copy_start();
      return steps.smooth(call.values, call.to, method.before, call.work.reverse,
                          call.start == nullptr);
    case GridWork::cycle:
      copy_start();
      return steps.cycle(call.values, call.to, call.start == nullptr);
    case GridWork::restrict:
      return steps.restrict_to(call.values, call.to);
    case GridWork::prolong:
      return steps.prolong(call.values, call.to);
  }
}

// What of memory a hierarchy needs while it is made, and the task with it. Float64 levels are made
// where they are to be.
template <class S>
struct HierarchyRoom {
  explicit HierarchyRoom(const HierarchyCall<S>& of)
      : call(of),
        wide(multigrid::plan_levels<double>(of.shape)),
        narrow(multigrid::plan_levels<float>(of.shape)) {}
  HierarchyRoom(const HierarchyRoom&) = delete;

  std::int64_t place(std::byte* base) {
    Layout layout(base);
    double* doubles = nullptr;
    float* floats = nullptr;
    if constexpr (sizeof(S) == 8) {
      doubles = call.to;
    } else {
      doubles = layout.place<double>(call.systems * wide.numbers);
      floats = call.to;
    }
    // No coarser level has more blocks than the finest.
    const std::int64_t blocks = all_points(call.shape.sizes).blocks;
    task = {call.shape,
            {&wide, doubles, call.systems, wide.numbers},
            {&narrow, floats, call.systems, narrow.numbers},
            layout.place<int>(call.systems),
            {blocks, layout.place<double>(call.systems * blocks)}};
    return layout.size();
  }

  const HierarchyCall<S>& call;
  multigrid::StencilPlan wide, narrow;
  HierarchyTask task;
};

// What flows out of points through their faces.
template <class S>
__global__ void __launch_bounds__(kPointThreads)
    flow_of_faces(const __grid_constant__ DiffusionShape shape,
                  const __grid_constant__ PointTiles tiles, std::int64_t systems,
                  const __grid_constant__ FacesView<S> faces, std::int64_t batch, const S* u,
                  S* to) {
  const std::int64_t points = shape.sizes[0] * shape.sizes[1] * shape.sizes[2];
  each_problem(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * points, system = problem % systems;
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      to[start + i] = multigrid::flow_out(shape, faces, system, at, i, u + start);
    });
  });
}

}  // namespace longtail::cuda
