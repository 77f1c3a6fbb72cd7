// The levels of black-box multigrid made on the device, in float64, and kept as float32 for the
// cycles. blockIdx.y counts systems.
#pragma once

#include "cuda/core/shared.cuh"
#include "cuda/multigrid/batch.cuh"
#include "cuda/multigrid/diffusion_plan.h"
#include "multigrid/black_box_point.h"

namespace longtail::cuda {

using multigrid::GridShape;
using multigrid::kCentre;
using multigrid::StencilPointLevel;

// Both precisions of a level, to be written.
struct BothLevels {
  StencilPointLevel<double> exact;
  StencilPointLevel<float> narrow;
  std::int64_t exact_system, narrow_system;
  std::int64_t systems;
};

__device__ inline void put_both(const double* exact, const float* narrow, const BothLevels& of,
                                std::int64_t system, std::int64_t index, double value) {
  const_cast<double*>(exact)[system * of.exact_system + index] = value;
  const_cast<float*>(narrow)[system * of.narrow_system + index] = static_cast<float>(value);
}
__device__ inline void put_centre(const BothLevels& of, std::int64_t system, std::int64_t index,
                                  double value) {
  put_both(of.exact.stencil.centre, of.narrow.stencil.centre, of, system, index, value);
  const_cast<float*>(of.narrow.stencil.reciprocal)[system * of.narrow_system + index] =
      value > 0 ? static_cast<float>(1 / value) : 0.0f;
}

struct Faces {
  const double* of[3];  // [systems, ..., size + 1 along the axis, ...]
};

// The finest operator: multigrid::diffusion_stencil.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    stencil_of_faces(const __grid_constant__ BothLevels to,
                     const __grid_constant__ PointTiles tiles,
                     const __grid_constant__ Faces faces) {
  const GridShape& shape = to.exact.stencil.shape;
  each_problem(to.systems, [&](std::int64_t system) {
    each_point(tiles, [&](const Place& at, std::int64_t index) {
      double centre = 0;
      LONGTAIL_UNROLL
      for (int axis = 0; axis < 3; ++axis) {
        if (axis == 0 && shape.flat) continue;
        const std::int64_t n = shape.sizes[axis], i = at.of[axis];
        std::int64_t sizes[3] = {shape.sizes[0], shape.sizes[1], shape.sizes[2]};
        sizes[axis] += 1;
        const double* const face = faces.of[axis] + system * sizes[0] * sizes[1] * sizes[2] +
                                   (at.of[0] * sizes[1] + at.of[1]) * sizes[2] + at.of[2];
        const std::int64_t step = axis == 0   ? sizes[1] * sizes[2]
                                  : axis == 1 ? sizes[2]
                                              : std::int64_t{1};
        const bool periodic = shape.periodic[axis];
        const double before = face[0], behind = face[periodic && i + 1 == n ? -i * step : step];
        const int offset = axis == 0 ? 4 : axis == 1 ? 10 : 12;
        put_both(to.exact.stencil.weights[offset], to.narrow.stencil.weights[offset], to, system,
                 index, i > 0 || periodic ? before : 0.0);
        centre += before + behind;
      }
      put_centre(to, system, index, centre);
    });
  });
}

// Whether constants are in the null space: nothing leaves through the ends. One block a system.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    find_singular(const __grid_constant__ multigrid::DiffusionShape shape, std::int64_t systems,
                  const __grid_constant__ Faces faces, int* singular) {
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
    const std::int64_t base = system * of.exact_system;
    each_point(tiles, [&](const Place& at, std::int64_t c) {
      const double share = multigrid::black_box_share(
          of.exact.stencil, base, shares.axes, at, offset,
          [&](int other) { return other == kCentre ? 1.0 : shares.share[other][base + c]; });
      put_both(shares.share[offset], of.narrow.shares.share[offset], of, system, c, share);
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
    const std::int64_t system = problem / kEntries, base = system * fine.exact_system;
    const int offset = static_cast<int>(problem % kEntries);
    if (offset < kCentre && to.exact.stencil.weights[offset] == nullptr) return;
    each_point(tiles, [&](const Place& at, std::int64_t c) {
      const double entry = multigrid::galerkin_entry(
          fine.exact.stencil, base, shares.axes, fine.exact.coarse, at, offset,
          [&](int share, std::int64_t index) {
            return share == kCentre ? 1.0 : shares.share[share][base + index];
          });
      if (offset == kCentre) {
        put_centre(to, system, c, entry);
      } else {
        put_both(to.exact.stencil.weights[offset], to.narrow.stencil.weights[offset], to, system, c,
                 -entry);
      }
    });
  });
}

constexpr int kInverseThreads = multigrid::kFewPoints;

// The inverse of the coarsest operator, by Cholesky factors as multigrid::inverse_of_positive: a
// system a block, a row or a column a thread.
template <int = 0>
__global__ void __launch_bounds__(kInverseThreads)
    invert_coarsest(const __grid_constant__ BothLevels of, const int* singular, float* inverse) {
  __shared__ double a[multigrid::kFewPoints][multigrid::kFewPoints + 1];
  __shared__ double columns[multigrid::kFewPoints][multigrid::kFewPoints + 1];
  const GridShape& shape = of.exact.stencil.shape;
  const int n = static_cast<int>(shape.points()), row = static_cast<int>(threadIdx.x);
  each_problem(of.systems, [&](std::int64_t system) {
    const std::int64_t base = system * of.exact_system;
    __syncthreads();
    if (row < n) {
      double largest = 0;
      for (int j = 0; j < n; ++j) {
        largest = of.exact.stencil.centre[base + j] > largest ? of.exact.stencil.centre[base + j]
                                                              : largest;
        a[row][j] = 0;
      }
      const Place at = {{row / shape.sizes[2] / shape.sizes[1],
                         row / shape.sizes[2] % shape.sizes[1], row % shape.sizes[2]}};
      const multigrid::Neighbourhood near(shape, at);
      LONGTAIL_KEEP_LOOP
      for (int offset = 0; offset < 27; ++offset) {
        if (!near.has(offset)) continue;
        a[row][row + near.step(offset)] +=
            multigrid::entry_of(of.exact.stencil, base, near, row, offset);
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
        inverse[system * n * n + i * n + row] = static_cast<float>(column[i]);
      }
    }
  });
}

}  // namespace longtail::cuda
