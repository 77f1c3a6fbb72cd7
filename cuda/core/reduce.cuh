// Sums over a block in a fixed order, the same bits on every run and GPU.
#pragma once

#include <cuda_runtime.h>

namespace longtail::cuda {

// The sum of `value` over a block of Threads threads, valid in thread 0. `of_warps` is shared
// memory for Threads / 32 numbers and may be used again at once.
template <int Threads>
__device__ inline double block_sum(double value, double* of_warps) {
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_down_sync(0xffffffffu, value, offset);
  }
  __syncthreads();  // of_warps may still be read for the sum before
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = value;
  __syncthreads();
  double total = 0;
  if (threadIdx.x == 0) {
    for (int w = 0; w < Threads / 32; ++w) total += of_warps[w];
  }
  return total;
}

}  // namespace longtail::cuda
