// The kernels of a V(1, 1) cycle for -Laplace: those of one large level, and one of all levels that
// fit shared memory.
//
// Every kernel writes other memory than what it reads, or one turn in place, whose points do not
// read each other.
#pragma once

#include "cuda/core/shared.cuh"
#include "cuda/multigrid/batch.cuh"
#include "cuda/multigrid/poisson_plan.h"

namespace longtail::cuda {

using multigrid::BoxLevel;
using multigrid::BoxView;

// u = a sweep from 0, or the first turn of it: swept_from_zero().
template <class S>
__global__ void __launch_bounds__(kPointThreads)
    sweep_from_zero(const __grid_constant__ BoxView<S> box,
                    const __grid_constant__ PointTiles tiles, Batch batch, S omega, const S* all_f,
                    S* all_u) {
  each_active(batch, [&](std::int64_t problem) {
    const S* const f = all_f + problem * box.points();
    S* const u = all_u + problem * box.points();
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      u[i] = multigrid::swept_from_zero(box, at, i, f, omega);
    });
  });
}

template <class S>
__global__ void __launch_bounds__(kPointThreads)
    restrict_residual(const __grid_constant__ BoxLevel<S> level,
                      const __grid_constant__ PointTiles coarse_tiles, std::int64_t coarse_points,
                      Batch batch, const S* u, const S* f, S* coarse_f) {
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * level.box.points();
    each_point(coarse_tiles, [&](const Place& at, std::int64_t i) {
      coarse_f[problem * coarse_points + i] =
          multigrid::restricted_residual(level, at, u + start, f + start);
    });
  });
}

// v = u + the interpolated coarse_u, and then the points of the first turn relaxed.
template <class S>
__global__ void __launch_bounds__(kPointThreads)
    correct_and_relax(const __grid_constant__ BoxLevel<S> level,
                      const __grid_constant__ BoxView<S> coarse,
                      const __grid_constant__ PointTiles tiles, Batch batch, const S* all_coarse_u,
                      const S* all_u, const S* f, S* v) {
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * level.box.points();
    const S* const u = all_u + start;
    const S* const coarse_u = all_coarse_u + problem * coarse.points();
    const auto corrected = [&](const Place& p, std::int64_t i) {
      return u[i] + multigrid::interpolated(level, coarse, p, coarse_u);
    };
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      v[start + i] =
          multigrid::turn_of(level.box, at) == 0
              ? multigrid::relaxed_at(level.box, at, i, f[start + i], level.omega, corrected)
              : corrected(at, i);
    });
  });
}

// v = u + the interpolated coarse_u.
template <class S>
__global__ void __launch_bounds__(kPointThreads)
    correct(const __grid_constant__ BoxLevel<S> level, const __grid_constant__ BoxView<S> coarse,
            const __grid_constant__ PointTiles tiles, Batch batch, const S* all_coarse_u,
            const S* u, S* v) {
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * level.box.points();
    const S* const coarse_u = all_coarse_u + problem * coarse.points();
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      v[start + i] = u[start + i] + multigrid::interpolated(level, coarse, at, coarse_u);
    });
  });
}

template <class S>
__global__ void __launch_bounds__(kPointThreads)
    relax_turn(const __grid_constant__ BoxView<S> box, const __grid_constant__ PointTiles tiles,
               Batch batch, S omega, int turn, const S* all_f, S* all_u) {
  each_active(batch, [&](std::int64_t problem) {
    const S* const f = all_f + problem * box.points();
    S* const u = all_u + problem * box.points();
    each_of_colour(tiles, turn / 2, [&](const Place& at, std::int64_t i) {
      if (multigrid::turn_of(box, at) != turn) return;
      u[i] = multigrid::relaxed_at(box, at, i, f[i], omega,
                                   [&](const Place&, std::int64_t j) { return u[j]; });
    });
  });
}

constexpr int kSharedThreads = 512;

template <class S>
struct SharedLevels {
  int count;
  BoxLevel<S> levels[kMostSharedLevels];
  const S* inverse;
  std::int64_t numbers;  // of the grids of all levels
};

// Calls visit(place, index) for the points of a small box, dealt out to the block, and waits.
template <class S, class Visit>
__device__ inline void each_shared_point(const BoxView<S>& box, const Visit& visit) {
  const auto rows = static_cast<unsigned>(box.axes[1].size);
  const auto columns = static_cast<unsigned>(box.axes[2].size);
  const auto points = static_cast<unsigned>(box.points());
  for (unsigned i = threadIdx.x; i < points; i += kSharedThreads) {
    const unsigned line = i / columns, plane = line / rows;
    visit(Place{{plane, line - plane * rows, i - line * columns}}, std::int64_t{i});
  }
  __syncthreads();
}

// The turns from `first` on, in shared memory.
template <class S>
__device__ inline void relax_shared(const BoxLevel<S>& level, int first, const S* f, S* u) {
  const BoxView<S>& box = level.box;
  for (int turn = first; turn < multigrid::kTurns; turn += multigrid::turn_step(box.odd_seam())) {
    each_shared_point(box, [&](const Place& at, std::int64_t i) {
      if (multigrid::turn_of(box, at) != turn) return;
      u[i] = multigrid::relaxed_at(box, at, i, f[i], level.omega,
                                   [&](const Place&, std::int64_t j) { return u[j]; });
    });
  }
}

// The whole cycle of the levels from here on, a problem a block.
template <class S>
__global__ void __launch_bounds__(kSharedThreads)
    shared_cycle(const __grid_constant__ SharedLevels<S> of, Batch batch, const S* all_f,
                 S* all_u) {
  S* const memory = dynamic_shared<S>();
  each_active(batch, [&](std::int64_t problem) {
    const int last = of.count - 1;
    const std::int64_t points = of.levels[0].box.points();
    // u and f of each level behind those of the finer one.
    S *u = memory, *f = memory + of.numbers;
    each_shared_point(of.levels[0].box,
                      [&](const Place&, std::int64_t i) { f[i] = all_f[problem * points + i]; });
    for (int l = 0; l < last; ++l) {
      const BoxLevel<S>& level = of.levels[l];
      const std::int64_t size = level.box.points();
      each_shared_point(level.box, [&](const Place& at, std::int64_t i) {
        u[i] = multigrid::swept_from_zero(level.box, at, i, f, level.omega);
      });
      if (level.box.odd_seam()) relax_shared(level, 1, f, u);
      each_shared_point(of.levels[l + 1].box, [&](const Place& at, std::int64_t i) {
        f[size + i] = multigrid::restricted_residual(level, at, u, f);
      });
      u += size;
      f += size;
    }
    const std::int64_t few = of.levels[last].box.points();
    each_shared_point(of.levels[last].box, [&](const Place&, std::int64_t i) {
      S sum = 0;
      for (std::int64_t j = 0; j < few; ++j) sum += of.inverse[i * few + j] * f[j];
      u[i] = sum;
    });
    for (int l = last; l-- > 0;) {
      const BoxLevel<S>& level = of.levels[l];
      const S* const coarse_u = u;
      u -= level.box.points();
      f -= level.box.points();
      each_shared_point(level.box, [&](const Place& at, std::int64_t i) {
        u[i] += multigrid::interpolated(level, of.levels[l + 1].box, at, coarse_u);
      });
      relax_shared(level, 0, f, u);
    }
    each_shared_point(of.levels[0].box,
                      [&](const Place&, std::int64_t i) { all_u[problem * points + i] = u[i]; });
  });
}

}  // namespace longtail::cuda
