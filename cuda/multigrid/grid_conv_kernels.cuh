// Convolutions of learned multigrid on CUDA: one launch a convolution, or the coarse levels of a
// whole cycle in one launch, a block a sample.
//
// Weight gradients: a block forms the sums of some tiles of points, for 32 x 32 channels; a second
// kernel adds the blocks' sums in a fixed order.
#pragma once

#include "cuda/multigrid/grid_conv_region.cuh"

namespace longtail::cuda {

// Results of a block: 8 rows of 16 points side by side, or a quarter of what they are spread from.
constexpr int kConvRows = 8, kConvColumns = 16, kDownRows = 8, kDownColumns = 8;
constexpr int kGridConvPoints = 4;  // of a thread
constexpr int kGridConvThreads = 128;
// Where a block takes whole levels of a sample.
constexpr int kGridCyclePoints = 2, kGridCycleThreads = 384;

struct GridTile {
  int rows, columns;
};
inline __host__ __device__ GridTile tile_of(const GridConvJob& job) {
  return job.kind == GridConvKind::gather && job.stride == 2 ? GridTile{kDownRows, kDownColumns}
                                                             : GridTile{kConvRows, kConvColumns};
}
inline __host__ __device__ std::int64_t tiles_of(std::int64_t points, int tile) {
  return (points + tile - 1) / tile;
}

// Blocks: x tiles of all samples, y jobs, which all have tiles of the same number and size.
__global__ void __launch_bounds__(kGridConvThreads)
    grid_convolve(const __grid_constant__ GridConvJob first,
                  const __grid_constant__ GridConvJob second) {
  __shared__ float shared[kGridShared];
  const GridConvJob& job = blockIdx.y == 0 ? first : second;
  const GridTile tile = tile_of(job);
  const std::int64_t down = tiles_of(job.height, tile.rows);
  const std::int64_t across = tiles_of(job.width, tile.columns);
  const std::int64_t row = blockIdx.x / across, column = blockIdx.x - row * across;
  GridRegion region;
  region.sample = row / down;
  region.top = (row - region.sample * down) * tile.rows;
  region.left = column * tile.columns;
  region.height = static_cast<int>(grid_least(std::int64_t{tile.rows}, job.height - region.top));
  region.width = static_cast<int>(grid_least(std::int64_t{tile.columns}, job.width - region.left));
  convolve_region<kGridConvPoints>(job, region, shared);
}

// Jobs one after the other, each of the whole level of the block's sample.
__global__ void __launch_bounds__(kGridCycleThreads, 1)
    grid_cycle(const __grid_constant__ GridConvJobs jobs) {
  __shared__ float shared[kGridShared];
  for (int k = 0; k < jobs.count; ++k) {
    const GridConvJob& job = jobs.job[k];
    if (job.kind == GridConvKind::sum) {
      const std::int64_t size = job.height * job.width * job.out;
      for (std::int64_t i = threadIdx.x; i < size; i += blockDim.x) {
        const std::int64_t at = blockIdx.x * size + i;
        job.to[at] = job.from[at] + job.add[at];
      }
    } else {
      const GridRegion region{static_cast<std::int64_t>(blockIdx.x), 0, 0,
                              static_cast<int>(job.height), static_cast<int>(job.width)};
      convolve_region<kGridCyclePoints>(job, region, shared);
    }
    __syncthreads();  // the next job reads what this one wrote
  }
}

__global__ void __launch_bounds__(256)
    grid_sum(const float* a, const float* b, std::int64_t size, float* to) {
  const std::int64_t i = blockIdx.x * std::int64_t{256} + threadIdx.x;
  if (i < size) to[i] = a[i] + b[i];
}

// One job for each block in y.
__global__ void __launch_bounds__(256)
    grid_prepare_weights(const __grid_constant__ GridWeightJobs jobs) {
  const GridWeightJob& job = jobs.job[blockIdx.y];
  const int in = job.columns_out ? job.rows : job.columns;
  const int out = job.columns_out ? job.columns : job.rows;
  const int rounded = (out + kGridConvOut - 1) / kGridConvOut * kGridConvOut;
  const int points = job.taps * job.taps, size = points * in * rounded;
  for (int k = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); k < size;
       k += static_cast<int>(gridDim.x * blockDim.x)) {
    const int o = k % rounded, rest = k / rounded, c = rest % in, tap = rest / in;
    float value = 0;
    if (o < out) {
      const int pair = job.columns_out ? c * job.columns + o : o * job.columns + c;
      value = job.from[pair * points + (job.turned ? points - 1 - tap : tap)];
    }
    job.to[k] = job.negative ? -value : value;
  }
}

// Tiles of gradients: 4 rows of 8 points; 8 rows where the window does not grow with the stride.
constexpr int kGradientChannels = 32;

inline __host__ __device__ std::int64_t gradient_tiles(const GridGradientJob& job, int stride) {
  return job.batch * tiles_of(job.height, grid_gradient_rows(stride)) *
         tiles_of(job.width, kGradientColumns);
}

// Channels [first, first + count) of a rectangle of a field to rows of 32, zeros outside.
__device__ inline void load_gradient_rows(const float* from, std::int64_t sample,
                                          std::int64_t field_height, std::int64_t field_width,
                                          int channels, std::int64_t top, std::int64_t left,
                                          int height, int width, int first, int count, float* to) {
  const int total = height * width * kGradientChannels;
  for (int k = threadIdx.x; k < total; k += blockDim.x) {
    const int point = k / kGradientChannels, c = k % kGradientChannels;
    const std::int64_t i = top + point / width, j = left + point % width;
    const bool inside = c < count && i >= 0 && i < field_height && j >= 0 && j < field_width;
    to[k] =
        inside ? from[((sample * field_height + i) * field_width + j) * channels + first + c] : 0.f;
  }
}

// A thread holds a row of taps for 4 x 4 channels. Blocks: x parts, y 32 x 32 channels.
template <int Stride, int Taps>
__global__ void __launch_bounds__(Taps * 64)
    grid_gradient(const __grid_constant__ GridGradientJob job) {
  constexpr int rows = grid_gradient_rows(Stride), columns = kGradientColumns;
  constexpr int window_rows = Stride * (rows - 1) + Taps;
  constexpr int window_columns = Stride * (columns - 1) + Taps;
  alignas(16) __shared__ float x[window_rows * window_columns * kGradientChannels];
  alignas(16) __shared__ float grad[rows * columns * kGradientChannels];
  const int blocks = (job.in + kGradientChannels - 1) / kGradientChannels;
  const int c0 = static_cast<int>(blockIdx.y) % blocks * kGradientChannels;
  const int o0 = static_cast<int>(blockIdx.y) / blocks * kGradientChannels;
  const int in = grid_least(kGradientChannels, job.in - c0),
            out = grid_least(kGradientChannels, job.out - o0);
  const int fours_in = (in + 3) / 4, fours = fours_in * ((out + 3) / 4);
  const int thread = static_cast<int>(threadIdx.x);
  const int a = thread / fours, c = thread % fours % fours_in * 4,
            o = thread % fours / fours_in * 4;
  const bool works = a < Taps;

  float sum[Taps][4][4] = {};
  const std::int64_t tiles = gradient_tiles(job, Stride);
  const std::int64_t down = tiles_of(job.height, rows), across = tiles_of(job.width, columns);
  const std::int64_t begin = blockIdx.x * tiles / job.parts;
  const std::int64_t end = (blockIdx.x + std::int64_t{1}) * tiles / job.parts;
  for (std::int64_t tile = begin; tile < end; ++tile) {
    const std::int64_t line = tile / across, sample = line / down;
    const std::int64_t top = (line - sample * down) * rows;
    const std::int64_t left = (tile - line * across) * columns;
    __syncthreads();
    load_gradient_rows(job.x, sample, job.x_height, job.x_width, job.in, Stride * top - 1,
                       Stride * left - 1, window_rows, window_columns, c0, in, x);
    load_gradient_rows(job.grad, sample, job.height, job.width, job.out, top, left, rows, columns,
                       o0, out, grad);
    __syncthreads();
    if (!works) continue;
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        const Four<float> g = load_four(grad + (i * columns + j) * kGradientChannels + o);
        const float* line_of_x =
            x + ((Stride * i + a) * window_columns + Stride * j) * kGradientChannels + c;
        for (int b = 0; b < Taps; ++b) {
          const Four<float> value = load_four(line_of_x + b * kGradientChannels);
          for (int m = 0; m < 4; ++m) {
            for (int n = 0; n < 4; ++n) {
              sum[b][m][n] = fma(value.of[m], g.of[n], sum[b][m][n]);
            }
          }
        }
      }
    }
  }
  if (!works) return;
  const std::int64_t size = std::int64_t{job.out} * job.in * Taps * Taps;
  for (int m = 0; m < 4; ++m) {
    for (int n = 0; n < 4; ++n) {
      if (c + m >= in || o + n >= out) continue;
      const std::int64_t pair = std::int64_t{o0 + o + n} * job.in + c0 + c + m;
      for (int b = 0; b < Taps; ++b) {
        job.partial[blockIdx.x * size + (pair * Taps + a) * Taps + b] = sum[b][m][n];
      }
    }
  }
}

__global__ void __launch_bounds__(256)
    grid_gradient_collect(const __grid_constant__ GridGradientJob job, std::int64_t size) {
  const std::int64_t i = blockIdx.x * std::int64_t{256} + threadIdx.x;
  if (i >= size) return;
  float sum = 0;
  for (int part = 0; part < job.parts; ++part) sum += job.partial[part * size + i];
  job.dw[i] = job.negative ? -sum : sum;
}

}  // namespace longtail::cuda
