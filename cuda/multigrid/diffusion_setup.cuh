// The levels of black-box multigrid made on the device, in float64, and kept as float32 too where
// cycles compute in it. blockIdx.y counts systems.
#pragma once

#include "cuda/core/shared.cuh"
#include "cuda/multigrid/batch.cuh"
#include "cuda/multigrid/hierarchies.h"
#include "multigrid/black_box_point.h"
#include "multigrid/coarsening.h"
#include "multigrid/face_point.h"

namespace longtail::cuda {

using multigrid::DiffusionShape;
using multigrid::FacesView;
using multigrid::GridShape;
using multigrid::kCentre;
using multigrid::StencilPointLevel;

// Both precisions of a level, to be written; `narrow` without arrays: float64 only.
struct BothLevels {
  StencilPointLevel<double> exact;
  StencilPointLevel<float> narrow;
  std::int64_t exact_step, narrow_step;
  std::int64_t systems;
};

// Calls visit(place) for a point and for the ghosts that are copies of it: as
// multigrid::wrap_ghosts, two along a row and one across on each side.
template <class Visit>
__device__ inline void each_copy(const GridShape& shape, const bool wraps[3], const Place& at,
                                 const Visit& visit) {
  std::int64_t from[3], end[3];
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t size = shape.sizes[axis], ghosts = axis == 2 ? 2 : 1;
    from[axis] = at.of[axis];
    end[axis] = wraps[axis] ? size + ghosts : at.of[axis] + 1;
    while (wraps[axis] && from[axis] - size >= -ghosts) from[axis] -= size;
  }
  for (std::int64_t p = from[0]; p < end[0]; p += shape.sizes[0]) {
    for (std::int64_t r = from[1]; r < end[1]; r += shape.sizes[1]) {
      for (std::int64_t x = from[2]; x < end[2]; x += shape.sizes[2]) visit(Place{{p, r, x}});
    }
  }
}

// One number of an array, with its copies.
template <class S>
__device__ inline void put_number(const S* to, const GridShape& shape, const bool wraps[3],
                                  const Place& at, double value) {
  each_copy(shape, wraps, at, [&](const Place& copy) {
    const_cast<S*>(to)[multigrid::index_at(shape, copy)] = static_cast<S>(value);
  });
}
// In both precisions. The arrays are those of a first system.
__device__ inline void put_both(const double* exact, const GridShape& exact_shape,
                                const float* narrow, const GridShape& narrow_shape,
                                const bool wraps[3], const BothLevels& of, std::int64_t system,
                                const Place& at, double value) {
  put_number(exact + system * of.exact_step, exact_shape, wraps, at, value);
  if (narrow == nullptr) return;
  put_number(narrow + system * of.narrow_step, narrow_shape, wraps, at, value);
}
// Of an operator.
__device__ inline void put_entry(const double* exact, const float* narrow, const BothLevels& of,
                                 std::int64_t system, const Place& at, double value) {
  const GridShape& shape = of.exact.stencil.shape;
  const bool wraps[3] = {shape.periodic[0] && !shape.flat, shape.periodic[1], shape.periodic[2]};
  put_both(exact, shape, narrow, of.narrow.stencil.shape, wraps, of, system, at, value);
}
__device__ inline void put_centre(const BothLevels& of, std::int64_t system, const Place& at,
                                  double value) {
  const auto& exact = of.exact.stencil;
  const auto& narrow = of.narrow.stencil;
  put_entry(exact.centre, narrow.centre, of, system, at, value);
  put_entry(exact.reciprocal, narrow.reciprocal, of, system, at, value > 0 ? 1 / value : 0);
}
__device__ inline void put_bound(const BothLevels& of, std::int64_t system, double value) {
  const_cast<double*>(of.exact.bound)[system * of.exact_step] = value;
  if (of.narrow.bound == nullptr) return;
  const_cast<float*>(of.narrow.bound)[system * of.narrow_step] = static_cast<float>(value);
}

// The finest operator: multigrid::diffusion_stencil.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    stencil_of_faces(const __grid_constant__ BothLevels to,
                     const __grid_constant__ PointTiles tiles,
                     const __grid_constant__ DiffusionShape shape,
                     const __grid_constant__ FacesView<double> faces) {
  each_problem(to.systems, [&](std::int64_t system) {
    each_point(tiles, [&](const Place& at, std::int64_t index) {
      double centre = 0;
      LONGTAIL_UNROLL
      for (int axis = 0; axis < 3; ++axis) {
        if (axis == 0 && shape.flat) continue;
        const bool alone = shape.periodic[axis] && shape.sizes[axis] == 1;
        const auto pair = multigrid::faces_at(shape, faces, system, at, axis);
        const int offset = axis == 0 ? 4 : axis == 1 ? 10 : 12;
        const bool inside = at.of[axis] > 0 || shape.periodic[axis];
        put_entry(to.exact.stencil.weights[offset], to.narrow.stencil.weights[offset], to, system,
                  at, inside && !alone ? pair.before : 0.0);
        if (!alone) centre += pair.before + pair.behind;
      }
      put_centre(to, system, at, centre);
      // Every diagonal is at least the sum of its weights, which are not negative.
      if (index == 0) put_bound(to, system, 2);
    });
  });
}

// Whether constants are in the null space: nothing leaves through the ends. One block a system.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    find_singular(const __grid_constant__ DiffusionShape shape, std::int64_t systems,
                  const __grid_constant__ FacesView<double> faces, int* singular) {
  __shared__ double of_warps[kPointWarps];
  const std::int64_t* const n = shape.sizes;
  each_problem(systems, [&](std::int64_t system) {
    double open = 0;
    for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
      if (shape.periodic[axis]) continue;
      const std::int64_t inner = axis == 0 ? n[1] * n[2] : axis == 1 ? n[2] : 1;
      const std::int64_t outer = n[0] * n[1] * n[2] / n[axis] / inner;
      const double* const all = faces.of[axis] + system * outer * (n[axis] + 1) * inner;
      for (std::int64_t k = threadIdx.x; k < outer * inner; k += kPointThreads) {
        const double* const first = all + k / inner * (n[axis] + 1) * inner + k % inner;
        if (first[0] != 0 || first[n[axis] * inner] != 0) open = 1;
      }
    }
    open = block_sum<kPointThreads>(open, of_warps);
    if (threadIdx.x == 0) singular[system] = open > 0 ? 0 : 1;
  });
}

// The shares at offsets along `count` axes; those along fewer are there. blockIdx.y also counts
// offsets: 27 to a system.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    make_shares(const __grid_constant__ BothLevels of, const __grid_constant__ PointTiles tiles,
                int count) {
  const auto& shares = of.exact.shares;
  each_problem(27 * of.systems, [&](std::int64_t problem) {
    const std::int64_t system = problem / 27;
    const int offset = static_cast<int>(problem % 27);
    int axes = 0;
    for (int axis = 0; axis < 3; ++axis) {
      axes += multigrid::component_of(offset, axis) != 0 ? 1 : 0;
    }
    if (axes != count || shares.share[offset] == nullptr) return;
    const std::int64_t base = system * of.exact_step;
    const GridShape& coarse = of.exact.coarse;
    bool wraps[3];
    for (int axis = 0; axis < 3; ++axis) {
      wraps[axis] = coarse.periodic[axis] && (axis > 0 || !coarse.flat);
    }
    each_point(tiles, [&](const Place& at, std::int64_t) {
      const std::int64_t c = base + multigrid::index_at(coarse, at);
      const double share = multigrid::black_box_share(
          of.exact.stencil, base, shares.axes, at, offset,
          [&](int other) { return other == kCentre ? 1.0 : shares.share[other][c]; });
      put_both(shares.share[offset], coarse, of.narrow.shares.share[offset], of.narrow.coarse,
               wraps, of, system, at, share);
    });
  });
}

// The next coarser operator; blockIdx.y also counts its entries: 14 to a system.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    make_coarser(const __grid_constant__ BothLevels fine, const __grid_constant__ BothLevels to,
                 const __grid_constant__ PointTiles tiles) {
  constexpr int kEntries = kCentre + 1;
  const auto& shares = fine.exact.shares;
  each_problem(kEntries * to.systems, [&](std::int64_t problem) {
    const std::int64_t system = problem / kEntries, base = system * fine.exact_step;
    const int offset = static_cast<int>(problem % kEntries);
    if (offset < kCentre && to.exact.stencil.weights[offset] == nullptr) return;
    each_point(tiles, [&](const Place& at, std::int64_t) {
      const double entry = multigrid::galerkin_entry(
          fine.exact.stencil, base, shares.axes, fine.exact.coarse, at, offset,
          [&](int share, std::int64_t index) {
            return share == kCentre ? 1.0 : shares.share[share][base + index];
          });
      if (offset == kCentre) {
        put_centre(to, system, at, entry);
      } else {
        put_entry(to.exact.stencil.weights[offset], to.narrow.stencil.weights[offset], to, system,
                  at, -entry);
      }
    });
  });
}

// Gershgorin's bound of each block's points, and of them all; a bound is never less than 1.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    bound_rows(const __grid_constant__ BothLevels of, const __grid_constant__ PointTiles tiles,
               Sums of_blocks) {
  __shared__ double of_warps[kPointWarps];
  each_problem(of.systems, [&](std::int64_t system) {
    double mine = 1;
    each_point(tiles, [&](const Place& at, std::int64_t) {
      const double row = multigrid::row_over_diagonal(of.exact.stencil, system * of.exact_step, at);
      mine = row > mine ? row : mine;
    });
    mine = block_max<kPointThreads>(mine, of_warps);
    if (threadIdx.x == 0) of_blocks.of[system * of_blocks.blocks + blockIdx.x] = mine;
  });
}
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    bound_level(const __grid_constant__ BothLevels of, std::int64_t blocks, Sums of_blocks) {
  __shared__ double of_warps[kPointWarps];
  each_problem(of.systems, [&](std::int64_t system) {
    double mine = 1;
    for (std::int64_t i = threadIdx.x; i < blocks; i += kPointThreads) {
      const double each = of_blocks.of[system * of_blocks.blocks + i];
      mine = each > mine ? each : mine;
    }
    mine = block_max<kPointThreads>(mine, of_warps);
    if (threadIdx.x == 0) put_bound(of, system, mine);
  });
}

constexpr int kInverseThreads = multigrid::kFewPoints;

// multigrid::remove_constants where all volumes are 1, of a matrix by columns; one a thread.
__device__ inline void remove_constants(double (*columns)[multigrid::kFewPoints + 1], int n,
                                        int own) {
  if (own < n) {
    double mean = 0;
    for (int i = 0; i < n; ++i) mean += columns[own][i] / n;
    for (int i = 0; i < n; ++i) columns[own][i] -= mean;
  }
  __syncthreads();
  if (own < n) {
    double of_constants = 0;
    for (int j = 0; j < n; ++j) of_constants += columns[j][own];
    for (int j = 0; j < n; ++j) columns[j][own] -= of_constants / n;
  }
  __syncthreads();
}

// The inverse of the coarsest operator, by Cholesky factors as multigrid::inverse_of_positive: a
// system a block, a row or a column a thread.
template <class S>
__global__ void __launch_bounds__(kInverseThreads)
    invert_coarsest(const __grid_constant__ BothLevels of, const int* singular, S* inverse,
                    std::int64_t inverse_step) {
  __shared__ double a[multigrid::kFewPoints][multigrid::kFewPoints + 1];
  __shared__ double columns[multigrid::kFewPoints][multigrid::kFewPoints + 1];
  const GridShape& shape = of.exact.stencil.shape;
  const int n = static_cast<int>(shape.points()), row = static_cast<int>(threadIdx.x);
  each_problem(of.systems, [&](std::int64_t system) {
    const std::int64_t base = system * of.exact_step;
    const auto place_of = [&](int i) {
      return Place{{i / shape.sizes[2] / shape.sizes[1], i / shape.sizes[2] % shape.sizes[1],
                    i % shape.sizes[2]}};
    };
    __syncthreads();
    if (row < n) {
      double largest = 0;
      for (int j = 0; j < n; ++j) {
        const std::int64_t number = base + multigrid::index_at(shape, place_of(j));
        const double centre = of.exact.stencil.centre[number];
        largest = centre > largest ? centre : largest;
        a[row][j] = 0;
      }
      const Place at = place_of(row);
      const multigrid::Neighbourhood near(shape, at);
      const multigrid::Strides strides = multigrid::value_strides(shape);
      const std::int64_t number = base + multigrid::index_at(shape, at);
      LONGTAIL_KEEP_LOOP
      for (int offset = 0; offset < 27; ++offset) {
        if (!near.has(offset)) continue;
        a[row][row + near.step(offset, strides)] +=
            multigrid::entry_of(of.exact.stencil, near, number, offset);
      }
      if (singular[system] != 0) {
        for (int j = 0; j < n; ++j) a[row][j] += largest / n;
      }
    }
    // a becomes L, with the reciprocals of its diagonal in their place.
    for (int j = 0; j < n; ++j) {
      __syncthreads();
      double pivot = a[j][j];
      for (int k = 0; k < j; ++k) pivot -= a[j][k] * a[j][k];
      const double reciprocal = pivot > 0 ? 1 / sqrt(pivot) : 0;
      if (row > j && row < n) {
        double sum = a[row][j];
        for (int k = 0; k < j; ++k) sum -= a[row][k] * a[j][k];
        a[row][j] = sum * reciprocal;
      }
      __syncthreads();
      if (row == j) a[j][j] = reciprocal;
    }
    __syncthreads();
    if (row < n) {
      double* const column = columns[row];
      for (int i = 0; i < n; ++i) {  // L y = the unit vector
        double sum = i == row ? 1 : 0;
        for (int k = row; k < i; ++k) sum -= a[i][k] * column[k];
        column[i] = i < row ? 0 : sum * a[i][i];
      }
      for (int i = n; i-- > 0;) {  // L^T x = y
        double sum = column[i];
        for (int k = i + 1; k < n; ++k) sum -= a[k][i] * column[k];
        column[i] = sum * a[i][i];
      }
    }
    if (singular[system] != 0) remove_constants(columns, n, row);
    for (int i = 0; row < n && i < n; ++i) {
      inverse[system * inverse_step + i * n + row] = static_cast<S>(columns[row][i]);
    }
  });
}

}  // namespace longtail::cuda
