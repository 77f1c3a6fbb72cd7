// Problems of a batch that are still being solved, and sums over the points of each.
//
// Sums are of blocks, and then of those in a fixed order by one block a problem: the same bits on
// each run and GPU.
#pragma once

#include "cuda/core/reduce.cuh"
#include "cuda/multigrid/points.cuh"

namespace longtail::cuda {

// `active` null: all of them.
struct Batch {
  std::int64_t size;
  const int* active;
};

template <class Visit>
__device__ inline void each_active(const Batch& batch, const Visit& visit) {
  each_problem(batch.size, [&](std::int64_t problem) {
    if (batch.active == nullptr || batch.active[problem] != 0) visit(problem);
  });
}

constexpr int kPointWarps = kPointThreads / 32;

struct Sums {
  std::int64_t blocks;
  double* of;  // [batch, blocks]
};

// The sum over the points of this block to its place; every thread of the block takes part.
__device__ inline void put_sum(const Sums& sums, std::int64_t problem, double mine) {
  __shared__ double of_warps[kPointWarps];
  const double total = block_sum<kPointThreads>(mine, of_warps);
  if (threadIdx.x == 0) sums.of[problem * sums.blocks + blockIdx.x] = total;
}
// All sums of a problem, by one block, in its thread 0.
__device__ inline double whole_sum(const Sums& sums, std::int64_t problem) {
  __shared__ double of_warps[kPointWarps];
  double mine = 0;
  for (std::int64_t i = threadIdx.x; i < sums.blocks; i += kPointThreads) {
    mine += sums.of[problem * sums.blocks + i];
  }
  return block_sum<kPointThreads>(mine, of_warps);
}

__device__ inline double larger(double a, double b) { return b > a ? b : a; }
// The largest of a block, in thread 0.
__device__ inline double block_largest(double value) {
  __shared__ double of_warps[kPointWarps];
  for (int offset = 16; offset > 0; offset /= 2) {
    value = larger(value, __shfl_down_sync(0xffffffffu, value, offset));
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x != 0) return 0;
  for (int w = 1; w < kPointWarps; ++w) value = larger(value, of_warps[w]);
  return value;
}

// As whole_sum().
__device__ inline double whole_largest(const Sums& sums, std::int64_t problem) {
  double mine = 0;
  for (std::int64_t i = threadIdx.x; i < sums.blocks; i += kPointThreads) {
    mine = larger(mine, sums.of[problem * sums.blocks + i]);
  }
  return block_largest(mine);
}

template <class E>
__global__ void __launch_bounds__(kPointThreads)
    largest_of(const __grid_constant__ PointTiles tiles, std::int64_t batch, std::int64_t points,
               const E* f, Sums sums) {
  each_problem(batch, [&](std::int64_t problem) {
    double mine = 0;
    each_point(tiles, [&](const Place&, std::int64_t i) {
      const auto a = static_cast<double>(f[problem * points + i]);
      mine = larger(mine, a < 0 ? -a : a);
    });
    mine = block_largest(mine);
    if (threadIdx.x == 0) sums.of[problem * sums.blocks + blockIdx.x] = mine;
  });
}

template <class S>
__global__ void __launch_bounds__(kPointThreads)
    copy_points(std::int64_t points, const __grid_constant__ PointTiles tiles, Batch batch,
                const S* from, S* to) {
  each_active(batch, [&](std::int64_t problem) {
    each_point(tiles, [&](const Place&, std::int64_t i) {
      to[problem * points + i] = from[problem * points + i];
    });
  });
}

// Whether a problem is active: what the host asks for now and then.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    find_active(std::int64_t batch, const int* active, int* any) {
  __shared__ double of_warps[kPointWarps];
  double mine = 0;
  for (std::int64_t i = threadIdx.x; i < batch; i += kPointThreads) mine += active[i];
  mine = block_sum<kPointThreads>(mine, of_warps);
  if (threadIdx.x == 0) *any = mine > 0 ? 1 : 0;
}

}  // namespace longtail::cuda
