// Sums and maxima over a block in a fixed order, the same bits on every run and GPU.
#pragma once

#include <cuda_runtime.h>

namespace longtail::cuda {

// The `value`s of a block of Threads threads put together, valid in thread 0. `of_warps` is shared
// memory for Threads / 32 numbers and may be used again at once.
template <int Threads, class Combine>
__device__ inline double block_combined(double value, double* of_warps, const Combine& combine) {
  for (int offset = 16; offset > 0; offset /= 2) {
    value = combine(value, __shfl_down_sync(0xffffffffu, value, offset));
  }
  __syncthreads();  // of_warps may still be read for what came before
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = value;
  __syncthreads();
  double total = 0;
  if (threadIdx.x == 0) {
    total = of_warps[0];
    for (int w = 1; w < Threads / 32; ++w) total = combine(total, of_warps[w]);
  }
  return total;
}

template <int Threads>
__device__ inline double block_sum(double value, double* of_warps) {
  return block_combined<Threads>(value, of_warps, [](double a, double b) { return a + b; });
}
template <int Threads>
__device__ inline double block_max(double value, double* of_warps) {
  return block_combined<Threads>(value, of_warps, [](double a, double b) { return a < b ? b : a; });
}

}  // namespace longtail::cuda
