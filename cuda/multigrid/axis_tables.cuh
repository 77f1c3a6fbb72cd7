// The tables of a level on the device, from their patterns.
#pragma once

#include <cuda_runtime.h>

#include "cuda/multigrid/axis_pattern.h"
#include "multigrid/box_math.h"

namespace longtail::cuda {

using multigrid::BoxLevel;
using multigrid::BoxView;

constexpr int kTableThreads = 256;

// What is written of one axis: where, as in AxisView and the views of transfers.
template <class S>
struct AxisTables {
  S *lower, *diagonal, *upper;
};
template <class S>
struct TransferTables {
  std::int64_t* up_points[2];
  S* up_weights[2];
  std::int64_t* down_points;
  S* down_weights;
};

// The patterns of what one launch writes, and where to: of a level, an axis a row of blocks.
template <class S>
struct AxisTask {
  AxisPattern<S> axis;
  AxisTables<S> to;
};
struct LevelTask {
  AxisTask<float> axes[3];
  bool coarsest;  // none of what follows
  TransferPattern<float> transfers[3];
  TransferTables<float> to[3];
};
struct ExactTask {
  AxisTask<double> axes[3];
  VolumePattern volumes[3];
  double* to[3];  // null: no volumes are needed
};

// Calls visit(i) for the entries of a table that this thread is given.
template <class Visit>
__device__ inline void each_entry(std::int64_t count, const Visit& visit) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    visit(i);
  }
}

template <class S>
__device__ inline void write_axis(const AxisTask<S>& task) {
  each_entry(task.axis.size, [&](std::int64_t i) {
    const int at = task.axis.fine(i).at;
    task.to.lower[i] = task.axis.lower[at];
    task.to.diagonal[i] = task.axis.diagonal[at];
    task.to.upper[i] = task.axis.upper[at];
  });
}

// `axis` says where fine points are in the short tables.
template <class S>
__device__ inline void write_transfer(const AxisPattern<S>& axis, const TransferPattern<S>& from,
                                      const TransferTables<S>& to) {
  using multigrid::kMostFine;
  const int fine_length = static_cast<int>(axis.size - 2 * axis.pairs);
  const int coarse_length = static_cast<int>(from.coarse - from.pairs);
  each_entry(axis.size, [&](std::int64_t i) {
    const ShortEntry entry = axis.fine(i);
    for (int k = 0; k < 2; ++k) {
      to.up_points[k][i] =
          from.identity ? i : entry.point(from.up_points[k][entry.at], coarse_length);
      to.up_weights[k][i] = from.identity ? S(1 - k) : from.up_weights[k][entry.at];
    }
  });
  each_entry(from.coarse, [&](std::int64_t c) {
    const ShortEntry entry = from.entry(c);
    for (int k = 0; k < kMostFine; ++k) {
      const std::int64_t at = c * kMostFine + k;
      to.down_points[at] =
          from.identity ? c : entry.point(from.down_points[entry.at][k], fine_length);
      to.down_weights[at] = from.identity ? S(k == 0) : from.down_weights[entry.at][k];
    }
  });
}

template <int = 0>
__global__ void __launch_bounds__(kTableThreads)
    write_level(const __grid_constant__ LevelTask task) {
  for (unsigned d = blockIdx.y; d < 3; d += gridDim.y) {
    write_axis(task.axes[d]);
    if (!task.coarsest) write_transfer(task.axes[d].axis, task.transfers[d], task.to[d]);
  }
}

template <int = 0>
__global__ void __launch_bounds__(kTableThreads)
    write_exact(const __grid_constant__ ExactTask task) {
  for (unsigned d = blockIdx.y; d < 3; d += gridDim.y) {
    write_axis(task.axes[d]);
    if (task.to[d] == nullptr) continue;
    each_entry(task.axes[d].axis.size, [&](std::int64_t i) {
      task.to[d][i] = task.volumes[d].volume[task.axes[d].axis.fine(i).at];
    });
  }
}

// A few numbers that travel with the launch.
constexpr int kFewNumbers = 256;
struct FewNumbers {
  int count;
  float of[kFewNumbers];
};
template <int = 0>
__global__ void write_numbers(const __grid_constant__ FewNumbers from, float* to) {
  for (int i = static_cast<int>(threadIdx.x); i < from.count; i += blockDim.x) to[i] = from.of[i];
}

}  // namespace longtail::cuda
