// The kernels of smoothers and cycles for operators of varying coefficients that work on one large
// level. As of poisson_cycle.cuh, colours are relaxed in place, reading a copy where points of one
// colour are neighbours across a seam. Values are [batch, points].
#pragma once

#include "cuda/multigrid/batch.cuh"
#include "cuda/multigrid/hierarchies.h"
#include "multigrid/stencil_point.h"
#include "multigrid/sweeps.h"

namespace longtail::cuda {

using multigrid::GridShape;
using multigrid::MethodStep;
using multigrid::Spot;
using multigrid::StencilPointLevel;

__device__ inline int stencil_colour(bool cross, const Place& at) {
  if (cross) return multigrid::colour_of(at);
  return static_cast<int>(4 * (at.of[0] % 2) + 2 * (at.of[1] % 2) + at.of[2] % 2);
}

// u after the first `colours` of a sweep from 0 that begins with `first`.
struct Beginning {
  int colours, first;
};
template <class S>
__device__ inline S begun(const StencilPointLevel<S>& level, const Beginning& how, const Spot& here,
                          const S* f) {
  const auto& a = level.stencil;
  if (how.colours == 2) return multigrid::cross_from_zero(a, here, how.first, f);
  const bool relaxed = how.colours == 1 && stencil_colour(false, here.at) == how.first;
  return relaxed ? f[here.value] * a.reciprocal[here.number] : S(0);
}

// Calls visit(problem's first value, where its system begins) for the problems of this block.
template <class Visit>
__device__ inline void each_start(const Batch& batch, const Systems& systems, std::int64_t points,
                                  const Visit& visit) {
  each_active(batch, [&](std::int64_t problem) { visit(problem * points, systems.base(problem)); });
}

template <class S>
__global__ void __launch_bounds__(kPointThreads)
    begin_sweep(const __grid_constant__ StencilPointLevel<S> level,
                const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
                Beginning how, const S* f, S* u) {
  const GridShape& shape = level.stencil.shape;
  each_start(batch, systems, shape.points(), [&](std::int64_t start, std::int64_t base) {
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      u[start + i] = begun(level, how, multigrid::spot_at(shape, base, at), f + start);
    });
  });
}

// One colour; tiles are of its points if the operator is no cross.
template <class S>
__global__ void __launch_bounds__(kPointThreads)
    relax_stencil(const __grid_constant__ StencilPointLevel<S> level,
                  const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
                  int colour, S omega, const S* from, const S* f, S* u) {
  const GridShape& shape = level.stencil.shape;
  each_start(batch, systems, shape.points(), [&](std::int64_t start, std::int64_t base) {
    const auto relax = [&](const Place& at) {
      const Spot here = multigrid::spot_at(shape, base, at);
      const std::int64_t i = start + here.value;
      u[i] = multigrid::stencil_relaxed(level.stencil, here, f[i], omega, from + start);
    };
    if (multigrid::is_cross(level.stencil.reach)) {
      return each_of_colour(tiles, colour, [&](const Place& at, std::int64_t) { relax(at); });
    }
    each_point(tiles, [&](const Place& half, std::int64_t) {
      relax({{2 * half.of[0] + colour / 4, 2 * half.of[1] + colour / 2 % 2,
              2 * half.of[2] + colour % 2}});
    });
  });
}

template <class S>
__global__ void __launch_bounds__(kPointThreads)
    stencil_rest(const __grid_constant__ StencilPointLevel<S> level,
                 const __grid_constant__ PointTiles tiles, Batch batch, Systems systems, const S* u,
                 const S* f, S* rest) {
  const GridShape& shape = level.stencil.shape;
  each_start(batch, systems, shape.points(), [&](std::int64_t start, std::int64_t base) {
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      const Spot here = multigrid::spot_at(shape, base, at);
      rest[start + i] = multigrid::stencil_residual(level.stencil, here, f[start + i], u + start);
    });
  });
}

template <class S>
__global__ void __launch_bounds__(kPointThreads)
    apply_stencil(const __grid_constant__ StencilPointLevel<S> level,
                  const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
                  const S* u, S* to) {
  const GridShape& shape = level.stencil.shape;
  each_start(batch, systems, shape.points(), [&](std::int64_t start, std::int64_t base) {
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      to[start + i] = multigrid::stencil_applied(level.stencil, multigrid::spot_at(shape, base, at),
                                                 [&](std::int64_t j) { return u[start + j]; });
    });
  });
}

// The step of a method with memory; `direction` is not read where none of it is kept, and null
// where none ever is.
template <class S>
__device__ inline S moved(const StencilPointLevel<S>& level, const MethodStep& step, const S* bound,
                          const Spot& here, S rest, S* direction) {
  const S kept = static_cast<S>(step.kept), scale = step.scale_for(bound);
  const S before = kept == S(0) ? S(0) : *direction;
  const S d =
      multigrid::moved_along<S>(before, rest, level.stencil.reciprocal[here.number], kept, scale);
  if (direction != nullptr) *direction = d;
  return d;
}

template <class S>
__global__ void __launch_bounds__(kPointThreads)
    move_along(const __grid_constant__ StencilPointLevel<S> level,
               const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
               MethodStep step, const S* rest, S* direction, S* u) {
  const GridShape& shape = level.stencil.shape;
  each_start(batch, systems, shape.points(), [&](std::int64_t start, std::int64_t base) {
    each_point(tiles, [&](const Place& at, std::int64_t p) {
      const std::int64_t i = start + p;
      u[i] += moved(level, step, level.bound + base, multigrid::spot_at(shape, base, at), rest[i],
                    direction == nullptr ? nullptr : direction + i);
    });
  });
}

template <class S>
__global__ void __launch_bounds__(kPointThreads)
    share_residual(const __grid_constant__ StencilPointLevel<S> level,
                   const __grid_constant__ PointTiles coarse_tiles, Batch batch, Systems systems,
                   const S* rest, S* coarse_f) {
  const std::int64_t points = level.stencil.shape.points(), coarse_points = level.coarse.points();
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t base = systems.base(problem);
    each_point(coarse_tiles, [&](const Place& at, std::int64_t c) {
      coarse_f[problem * coarse_points + c] =
          multigrid::shared_residual(level, base, at, rest + problem * points);
    });
  });
}

// u + P coarse_u; `from` is u, or null for 0.
template <class S>
__global__ void __launch_bounds__(kPointThreads)
    add_shared(const __grid_constant__ StencilPointLevel<S> level,
               const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
               const S* coarse_u, const S* from, S* u) {
  const std::int64_t points = level.stencil.shape.points(), coarse_points = level.coarse.points();
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t base = systems.base(problem);
    each_point(tiles, [&](const Place& at, std::int64_t p) {
      const std::int64_t i = problem * points + p;
      u[i] = multigrid::with_shared_values(level, base, at, coarse_u + problem * coarse_points,
                                           from == nullptr ? S(0) : from[i]);
    });
  });
}

}  // namespace longtail::cuda
