// The part of a V-cycle on all levels that fit shared memory: one kernel, a block a problem.
#pragma once

#include "cuda/core/shared.cuh"
#include "cuda/multigrid/cycle_plan.h"
#include "cuda/multigrid/stencil_kernels.cuh"

namespace longtail::cuda {

constexpr int kStencilThreads = 512;

template <class S>
struct SharedStencils {
  int count;
  bool zero;  // u is 0 at first
  bool odd_seam[kMostSharedStencils];
  StencilPointLevel<S> levels[kMostSharedStencils];
  const S* inverse;
  std::int64_t numbers;  // of the grids of all levels
  std::int64_t largest;
  multigrid::StencilMethod method;
};

// Calls visit(place, index) for the points of a grid; what was written is there behind it.
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

// One problem's grids of one level in shared memory; `rest` has room for one more, and so has
// `direction` where the method needs it.
template <class S>
struct SharedGrids {
  S *u, *f, *rest, *direction;
};

// A level of one problem, and the steps of its smoother (multigrid::run_smoother).
template <class S>
struct SharedLevel {
  const StencilPointLevel<S>& level;
  bool odd_seam;
  std::int64_t base;
  S omega;
  const SharedGrids<S>& in;

  __device__ const GridShape& shape() const { return level.stencil.shape; }
  __device__ Spot spot(const Place& at) const { return multigrid::spot_at(shape(), base, at); }

  __device__ void begin(const Beginning& how) const {
    each_shared_point(shape(), [&](const Place& at, std::int64_t i) {
      in.u[i] = begun(level, how, spot(at), static_cast<const S*>(in.f));
    });
  }
  __device__ void relax(int colour) const {
    const bool cross = multigrid::is_cross(level.stencil.reach);
    const S* const from = odd_seam ? in.rest : in.u;
    if (odd_seam) {
      each_shared_point(shape(), [&](const Place&, std::int64_t i) { in.rest[i] = in.u[i]; });
    }
    each_shared_point(shape(), [&](const Place& at, std::int64_t i) {
      if (stencil_colour(cross, at) != colour) return;
      in.u[i] = multigrid::stencil_relaxed(level.stencil, spot(at), in.f[i], omega, from);
    });
  }
  __device__ void find_rest() const {
    const S* const u = in.u;
    each_shared_point(shape(), [&](const Place& at, std::int64_t i) {
      in.rest[i] = multigrid::stencil_residual(level.stencil, spot(at), in.f[i], u);
    });
  }
  __device__ void move(const MethodStep& step) const {
    find_rest();
    each_shared_point(shape(), [&](const Place& at, std::int64_t i) {
      in.u[i] += moved(level, step, level.bound + base, spot(at), in.rest[i],
                       in.direction == nullptr ? nullptr : in.direction + i);
    });
  }
  __device__ void smooth(const multigrid::StencilMethod& method, int sweeps, bool reverse,
                         bool zero) const {
    const multigrid::Reach reach = level.stencil.reach;
    const int done = zero ? multigrid::colours_at_once(method, reach, sweeps) : 0;
    if (zero) begin({done, reverse ? multigrid::colours_of(reach) - 1 : 0});
    multigrid::run_smoother(method, reach, sweeps, reverse, done, *this);
  }
};

// u = inverse f, or u += inverse (f - A u).
template <class S>
__device__ inline void solve_coarsest(const SharedLevel<S>& of, const S* inverse, bool zero) {
  const std::int64_t few = of.shape().points();
  if (!zero) of.find_rest();
  const S* const from = zero ? of.in.f : of.in.rest;
  each_shared_point(of.shape(), [&](const Place&, std::int64_t i) {
    S sum = 0;
    for (std::int64_t j = 0; j < few; ++j) sum += inverse[i * few + j] * from[j];
    of.in.u[i] = zero ? sum : of.in.u[i] + sum;
  });
}

// all_u from all_f and, unless it is 0, itself.
template <class S>
__global__ void __launch_bounds__(kStencilThreads)
    shared_stencils(const __grid_constant__ SharedStencils<S> of, Batch batch, Systems systems,
                    const S* all_f, S* all_u) {
  S* const memory = dynamic_shared<S>();
  const bool remembers = of.method.smoother == multigrid::Smoother::chebyshev;
  each_start(
      batch, systems, of.levels[0].stencil.shape.points(),
      [&](std::int64_t start, std::int64_t base) {
        const int last = of.count - 1;
        const GridShape& first = of.levels[0].stencil.shape;
        SharedGrids<S> in = {memory, memory + of.numbers, memory + 2 * of.numbers, nullptr};
        if (remembers) in.direction = in.rest + of.largest;
        const auto level = [&](int l) {
          return SharedLevel<S>{of.levels[l], of.odd_seam[l], base, static_cast<S>(of.method.omega),
                                in};
        };
        each_shared_point(first, [&](const Place&, std::int64_t i) {
          in.f[i] = all_f[start + i];
          if (!of.zero) in.u[i] = all_u[start + i];
        });
        for (int l = 0; l < last; ++l) {
          const SharedLevel<S> here = level(l);
          here.smooth(of.method, of.method.before, of.method.reverse_before, l > 0 || of.zero);
          here.find_rest();
          S* const coarse_f = in.f + here.shape().points();
          each_shared_point(here.level.coarse, [&](const Place& at, std::int64_t c) {
            coarse_f[c] =
                multigrid::shared_residual(here.level, base, at, static_cast<const S*>(in.rest));
          });
          in.u += here.shape().points();
          in.f = coarse_f;
        }
        solve_coarsest(level(last), of.inverse + base, last > 0 || of.zero);
        for (int l = last; l-- > 0;) {
          const SharedLevel<S> here = level(l);
          const S* const coarse_u = in.u;
          in.u -= here.shape().points();
          in.f -= here.shape().points();
          each_shared_point(here.shape(), [&](const Place& at, std::int64_t i) {
            in.u[i] = multigrid::with_shared_values(here.level, base, at, coarse_u, in.u[i]);
          });
          here.smooth(of.method, of.method.after, of.method.reverse_after, false);
        }
        each_shared_point(first, [&](const Place&, std::int64_t i) { all_u[start + i] = in.u[i]; });
      });
}

}  // namespace longtail::cuda
