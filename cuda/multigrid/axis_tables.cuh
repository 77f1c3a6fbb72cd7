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

template <class S>
__global__ void __launch_bounds__(kTableThreads)
    write_axis(const __grid_constant__ AxisPattern<S> from, AxisTables<S> to) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < from.size; i += step) {
    const int at = from.fine(i).at;
    to.lower[i] = from.lower[at];
    to.diagonal[i] = from.diagonal[at];
    to.upper[i] = from.upper[at];
  }
}

// `axis` says where fine points are in the short tables.
template <class S>
__global__ void __launch_bounds__(kTableThreads)
    write_transfer(const __grid_constant__ AxisPattern<S> axis,
                   const __grid_constant__ TransferPattern<S> from, TransferTables<S> to) {
  using multigrid::kMostFine;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int fine_length = static_cast<int>(axis.size - 2 * axis.pairs);
  const int coarse_length = static_cast<int>(from.coarse - from.pairs);
  for (std::int64_t i = first; i < axis.size; i += step) {
    const ShortEntry entry = axis.fine(i);
    for (int k = 0; k < 2; ++k) {
      to.up_points[k][i] =
          from.identity ? i : entry.point(from.up_points[k][entry.at], coarse_length);
      to.up_weights[k][i] = from.identity ? S(1 - k) : from.up_weights[k][entry.at];
    }
  }
  for (std::int64_t c = first; c < from.coarse; c += step) {
    const ShortEntry entry = from.entry(c);
    for (int k = 0; k < kMostFine; ++k) {
      const std::int64_t at = c * kMostFine + k;
      to.down_points[at] =
          from.identity ? c : entry.point(from.down_points[entry.at][k], fine_length);
      to.down_weights[at] = from.identity ? S(k == 0) : from.down_weights[entry.at][k];
    }
  }
}

template <int = 0>
__global__ void __launch_bounds__(kTableThreads)
    write_volumes(const __grid_constant__ AxisPattern<double> axis,
                  const __grid_constant__ VolumePattern from, double* to) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < axis.size; i += step) {
    to[i] = from.volume[axis.fine(i).at];
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
