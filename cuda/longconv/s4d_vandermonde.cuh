// The Vandermonde product and its transpose on CUDA, tiles of 32 blocks of 32 steps a thread block.
//
// Both factor a^l, l = 32 i + t, into a^(32 i) and a^t: two tables of 32 by 32 powers for a group
// of 32 states, made in double. Of the product a lane is a step t, of the transpose a state.
#pragma once

#include "cuda/core/shared.cuh"
#include "cuda/longconv/s4d_powers.cuh"

namespace longtail::cuda {

constexpr int kS4dWarps = kS4dThreads / kS4dLanes;
constexpr int kS4dBlocksOfWarp = kS4dTileBlocks / kS4dWarps;

template <class S>
__global__ void __launch_bounds__(kS4dThreads)
    vandermonde(longconv::VandermondeShape shape, const double* base, const double* weights, S* k) {
  __shared__ PowerTable<S> steps, blocks;
  const int lane = threadIdx.x % kS4dLanes, warp = threadIdx.x / kS4dLanes;
  const std::int64_t tiles = (shape.length + kS4dTile - 1) / kS4dTile;
  const std::int64_t tasks = shape.rows * shape.heads * tiles;
  for (std::int64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    const std::int64_t row = task / tiles, tile = task % tiles, h = row % shape.heads;
    S sums[kS4dBlocksOfWarp] = {};
    for (std::int64_t group = 0; group < shape.states; group += kS4dLanes) {
      const Complex<double> a = pair_at(base + 2 * h * shape.states, group + lane, shape.states);
      const Complex<double> w =
          pair_at(weights + 2 * row * shape.states, group + lane, shape.states);
      const Complex<double> far = power(a, kS4dLanes);
      __syncthreads();  // the tables of the group before have been read
      steps.fill({1, 0}, a, kS4dWarps);
      blocks.fill(w * power(far, tile * kS4dTileBlocks), far, kS4dWarps);
      __syncthreads();
      for (int n = 0; n < kS4dLanes; ++n) {
        const Complex<S> p = steps.at(n, lane);
        LONGTAIL_UNROLL
        for (int j = 0; j < kS4dBlocksOfWarp; ++j) {
          const Complex<S> x = blocks.at(n, warp * kS4dBlocksOfWarp + j);
          sums[j] = fma(x.re, p.re, fma(-x.im, p.im, sums[j]));
        }
      }
    }
    LONGTAIL_UNROLL
    for (int j = 0; j < kS4dBlocksOfWarp; ++j) {
      const std::int64_t l =
          tile * kS4dTile + (warp * kS4dBlocksOfWarp + j) * std::int64_t{kS4dLanes} + lane;
      if (l < shape.length) k[row * shape.length + l] = sums[j];
    }
  }
}

/// partial[r, h, tile, n] = sum over the steps l of a tile, from 0 on, of v[l] a^l.
template <class S>
__global__ void __launch_bounds__(kS4dThreads)
    vandermonde_tiles(longconv::VandermondeShape shape, const double* base, const S* v,
                      double* partial) {
  __shared__ PowerTable<S> steps;
  __shared__ S rows[kS4dTile];
  __shared__ double of_warps[2 * kS4dThreads];
  const int lane = threadIdx.x % kS4dLanes, warp = threadIdx.x / kS4dLanes;
  const std::int64_t tiles = (shape.length + kS4dTile - 1) / kS4dTile;
  const std::int64_t tasks = shape.rows * shape.heads * tiles;
  for (std::int64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    const std::int64_t row = task / tiles, tile = task % tiles, h = row % shape.heads;
    __syncthreads();  // what was in `rows` has been read
    for (int i = threadIdx.x; i < kS4dTile; i += kS4dThreads) {
      const std::int64_t l = tile * kS4dTile + i;
      rows[i] = l < shape.length ? v[row * shape.length + l] : S(0);
    }
    for (std::int64_t group = 0; group < shape.states; group += kS4dLanes) {
      const Complex<double> a = pair_at(base + 2 * h * shape.states, group + lane, shape.states);
      const Complex<double> far = power(a, kS4dLanes);
      __syncthreads();
      steps.fill({1, 0}, a, kS4dWarps);
      __syncthreads();
      Complex<double> sum = {0, 0};
      for (int j = kS4dBlocksOfWarp - 1; j >= 0; --j) {
        const S* of_block = rows + (warp * kS4dBlocksOfWarp + j) * kS4dLanes;
        S re = S(0), im = S(0);
        for (int t = 0; t < kS4dLanes; ++t) {
          const Complex<S> p = steps.at(lane, t);
          re = fma(p.re, of_block[t], re);
          im = fma(p.im, of_block[t], im);
        }
        sum = far * sum;
        sum = {sum.re + static_cast<double>(re), sum.im + static_cast<double>(im)};
      }
      sum = sum * power(far, warp * kS4dBlocksOfWarp);
      of_warps[2 * threadIdx.x] = sum.re;
      of_warps[2 * threadIdx.x + 1] = sum.im;
      __syncthreads();
      if (warp == 0 && group + lane < shape.states) {
        Complex<double> total = {0, 0};
        for (int w = 0; w < kS4dWarps; ++w) {
          total.re += of_warps[2 * (w * kS4dLanes + lane)];
          total.im += of_warps[2 * (w * kS4dLanes + lane) + 1];
        }
        partial[2 * (task * shape.states + group + lane)] = total.re;
        partial[2 * (task * shape.states + group + lane) + 1] = total.im;
      }
    }
  }
}

/// The tiles of a row put together, last first; a thread a state.
__global__ void __launch_bounds__(kS4dThreads)
    vandermonde_combine(longconv::VandermondeShape shape, const double* base, const double* partial,
                        double* sums) {
  const std::int64_t tiles = (shape.length + kS4dTile - 1) / kS4dTile;
  const std::int64_t all = shape.rows * shape.heads * shape.states;
  for (std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x; i < all;
       i += gridDim.x * std::int64_t{blockDim.x}) {
    const std::int64_t n = i % shape.states, row = i / shape.states, h = row % shape.heads;
    const Complex<double> far =
        power(pair_at(base + 2 * h * shape.states, n, shape.states), kS4dTile);
    Complex<double> sum = {0, 0};
    for (std::int64_t tile = tiles - 1; tile >= 0; --tile) {
      const std::int64_t at = 2 * ((row * tiles + tile) * shape.states + n);
      sum = far * sum;
      sum = {sum.re + partial[at], sum.im + partial[at + 1]};
    }
    sums[2 * i] = sum.re;
    sums[2 * i + 1] = sum.im;
  }
}

}  // namespace longtail::cuda
