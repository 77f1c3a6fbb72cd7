// The kernels of a symmetric V-cycle for operators of varying coefficients: those of one large
// level, and one of all levels that fit shared memory. As of poisson_cycle.cuh, colours are relaxed
// in place, reading a copy where points of one colour are neighbours across a seam.
#pragma once

#include "cuda/core/shared.cuh"
#include "cuda/multigrid/batch.cuh"
#include "cuda/multigrid/diffusion_plan.h"

namespace longtail::cuda {

using multigrid::GridShape;
using multigrid::Reach;
using multigrid::StencilPointLevel;

// Where the system of a problem begins among the numbers of all.
struct Systems {
  std::int64_t step;  // 0: one for all
  __device__ std::int64_t base(std::int64_t problem) const { return problem * step; }
};

// Points of one colour have no neighbours of their own: red and black for a cross; else a colour
// for each combination of even and odd indices.
inline int colours_of(Reach reach) {
  return reach == Reach::full ? 8 : reach == Reach::flat_full ? 4 : 2;
}
__device__ inline bool is_cross(Reach reach) {
  return reach == Reach::flat_cross || reach == Reach::cross;
}
__device__ inline int stencil_colour(bool cross, const Place& at) {
  if (cross) return multigrid::colour_of(at);
  return static_cast<int>(4 * (at.of[0] % 2) + 2 * (at.of[1] % 2) + at.of[2] % 2);
}

// u after the first colour of a sweep from 0; of a cross, after both.
__device__ inline float begun(const StencilPointLevel<float>& level, std::int64_t base,
                              const Place& at, std::int64_t i, const float* f) {
  const auto& a = level.stencil;
  if (is_cross(a.reach)) return multigrid::cross_from_zero(a, base, at, i, f);
  return stencil_colour(false, at) == 0 ? f[i] * a.reciprocal[base + i] : 0.0f;
}

template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    begin_sweep(const __grid_constant__ StencilPointLevel<float> level,
                const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
                const float* f, float* u) {
  const std::int64_t points = level.stencil.shape.points();
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * points, base = systems.base(problem);
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      u[start + i] = begun(level, base, at, i, f + start);
    });
  });
}

// One colour; tiles are of its points if the operator is no cross.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    relax_stencil(const __grid_constant__ StencilPointLevel<float> level,
                  const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
                  int colour, const float* from, const float* f, float* u) {
  const GridShape& shape = level.stencil.shape;
  const std::int64_t points = shape.points();
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * points, base = systems.base(problem);
    const auto relax = [&](const Place& at, std::int64_t i) {
      u[start + i] =
          multigrid::stencil_relaxed(level.stencil, base, at, i, f[start + i], from + start);
    };
    if (is_cross(level.stencil.reach)) return each_of_colour(tiles, colour, relax);
    each_point(tiles, [&](const Place& half, std::int64_t) {
      const Place at = {{2 * half.of[0] + colour / 4, 2 * half.of[1] + colour / 2 % 2,
                         2 * half.of[2] + colour % 2}};
      relax(at, multigrid::index_at(shape, at));
    });
  });
}

template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    stencil_rest(const __grid_constant__ StencilPointLevel<float> level,
                 const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
                 const float* u, const float* f, float* rest) {
  const std::int64_t points = level.stencil.shape.points();
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * points, base = systems.base(problem);
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      rest[start + i] =
          multigrid::stencil_residual(level.stencil, base, at, i, f[start + i], u + start);
    });
  });
}

template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    share_residual(const __grid_constant__ StencilPointLevel<float> level,
                   const __grid_constant__ PointTiles coarse_tiles, Batch batch, Systems systems,
                   const float* rest, float* coarse_f) {
  const std::int64_t points = level.stencil.shape.points(), coarse_points = level.coarse.points();
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t base = systems.base(problem);
    each_point(coarse_tiles, [&](const Place& at, std::int64_t c) {
      coarse_f[problem * coarse_points + c] =
          multigrid::shared_residual(level, base, at, c, rest + problem * points);
    });
  });
}

template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    add_shared(const __grid_constant__ StencilPointLevel<float> level,
               const __grid_constant__ PointTiles tiles, Batch batch, Systems systems,
               const float* coarse_u, float* u) {
  const std::int64_t points = level.stencil.shape.points(), coarse_points = level.coarse.points();
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t base = systems.base(problem);
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      u[problem * points + i] +=
          multigrid::shared_values(level, base, at, coarse_u + problem * coarse_points);
    });
  });
}

constexpr int kStencilThreads = 512;

struct SharedStencils {
  int count;
  bool odd_seam[kMostSharedStencils];
  StencilPointLevel<float> levels[kMostSharedStencils];
  const float* inverse;
  std::int64_t inverse_step;  // 0: one for all problems
  std::int64_t numbers;       // of the grids of all levels
};

template <class Visit>
__device__ inline void each_shared_point(const GridShape& shape, const Visit& visit) {
  const auto rows = static_cast<unsigned>(shape.sizes[1]);
  const auto columns = static_cast<unsigned>(shape.sizes[2]);
  const auto points = static_cast<unsigned>(shape.points());
  for (unsigned i = threadIdx.x; i < points; i += kStencilThreads) {
    const unsigned line = i / columns, plane = line / rows;
    visit(Place{{plane, line - plane * rows, i - line * columns}}, std::int64_t{i});
  }
  __syncthreads();
}

// One problem's grids of one level in shared memory; `rest` has room for one more.
struct SharedGrids {
  float *u, *f, *rest;
};

__device__ inline void relax_shared(const StencilPointLevel<float>& level, bool odd_seam,
                                    std::int64_t base, int colour, const SharedGrids& in) {
  const GridShape& shape = level.stencil.shape;
  const bool cross = is_cross(level.stencil.reach);
  const float* const from = odd_seam ? in.rest : in.u;
  if (odd_seam) {
    each_shared_point(shape, [&](const Place&, std::int64_t i) { in.rest[i] = in.u[i]; });
  }
  each_shared_point(shape, [&](const Place& at, std::int64_t i) {
    if (stencil_colour(cross, at) != colour) return;
    in.u[i] = multigrid::stencil_relaxed(level.stencil, base, at, i, in.f[i], from);
  });
}
__device__ inline int shared_colours(Reach reach) {
  return is_cross(reach) ? 2 : reach == Reach::flat_full ? 4 : 8;
}

template <int = 0>
__global__ void __launch_bounds__(kStencilThreads)
    shared_stencils(const __grid_constant__ SharedStencils of, Batch batch, Systems systems,
                    const float* all_f, float* all_u) {
  float* const memory = dynamic_shared<float>();
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t base = systems.base(problem);
    const int last = of.count - 1;
    const GridShape& first = of.levels[0].stencil.shape;
    SharedGrids in = {memory, memory + of.numbers, memory + 2 * of.numbers};
    each_shared_point(first, [&](const Place&, std::int64_t i) {
      in.f[i] = all_f[problem * first.points() + i];
    });
    for (int l = 0; l < last; ++l) {
      const StencilPointLevel<float>& level = of.levels[l];
      const GridShape& shape = level.stencil.shape;
      const bool cross = is_cross(level.stencil.reach);
      each_shared_point(shape, [&](const Place& at, std::int64_t i) {
        in.u[i] = begun(level, base, at, i, in.f);
      });
      for (int colour = 1; !cross && colour < shared_colours(level.stencil.reach); ++colour) {
        relax_shared(level, of.odd_seam[l], base, colour, in);
      }
      each_shared_point(shape, [&](const Place& at, std::int64_t i) {
        in.rest[i] = multigrid::stencil_residual(level.stencil, base, at, i, in.f[i], in.u);
      });
      float* const coarse_f = in.f + shape.points();
      each_shared_point(level.coarse, [&](const Place& at, std::int64_t c) {
        coarse_f[c] = multigrid::shared_residual(level, base, at, c, in.rest);
      });
      in.u += shape.points();
      in.f = coarse_f;
    }
    const GridShape& coarsest = of.levels[last].stencil.shape;
    const std::int64_t few = coarsest.points();
    const float* const inverse = of.inverse + problem * of.inverse_step;
    each_shared_point(coarsest, [&](const Place&, std::int64_t i) {
      float sum = 0;
      for (std::int64_t j = 0; j < few; ++j) sum += inverse[i * few + j] * in.f[j];
      in.u[i] = sum;
    });
    for (int l = last; l-- > 0;) {
      const StencilPointLevel<float>& level = of.levels[l];
      const GridShape& shape = level.stencil.shape;
      const float* const coarse_u = in.u;
      in.u -= shape.points();
      in.f -= shape.points();
      each_shared_point(shape, [&](const Place& at, std::int64_t i) {
        in.u[i] += multigrid::shared_values(level, base, at, coarse_u);
      });
      for (int colour = shared_colours(level.stencil.reach); colour-- > 0;) {
        relax_shared(level, of.odd_seam[l], base, colour, in);
      }
    }
    each_shared_point(first, [&](const Place&, std::int64_t i) {
      all_u[problem * first.points() + i] = in.u[i];
    });
  });
}

}  // namespace longtail::cuda
