// A block's part of one convolution of learned multigrid: a rectangle of one sample's results.
//
// The block keeps what the rectangle reads in shared memory, channels innermost, in rows of an odd
// number of floats: neighbouring threads have neighbouring points. Each thread makes P points times
// eight channels in registers; all threads of a warp read the same weights.
#pragma once

#include "core/simd.h"
#include "cuda/core/shared.cuh"
#include "cuda/multigrid/grid_conv_job.h"

namespace longtail::cuda {

constexpr int kGridPitch = kGridChannels + 1;
constexpr int kGridShared = kGridWindow * kGridPitch;  // floats

template <class I>
__host__ __device__ inline I grid_least(I a, I b) {
  return b < a ? b : a;
}

struct GridRegion {
  std::int64_t sample, top, left;
  int height, width;  // of the results

  __device__ int points() const { return height * width; }
};

// The rectangle of `from` that a region reads; it may reach beyond the grid.
struct GridWindow {
  std::int64_t top, left;
  int height, width;
};
__device__ inline GridWindow window_of(const GridConvJob& job, const GridRegion& region) {
  if (job.kind == GridConvKind::spread) {
    // Fine point 2 m reads m - 1 and m, 2 m + 1 reads m and m + 1; regions start at even points.
    return {region.top / 2 - 1, region.left / 2 - 1, (region.height + 1) / 2 + 2,
            (region.width + 1) / 2 + 2};
  }
  return {job.stride * region.top - 1, job.stride * region.left - 1,
          job.stride * (region.height - 1) + job.taps, job.stride * (region.width - 1) + job.taps};
}

// Channels [first, first + count) of the window, zeros outside of the grid.
__device__ inline void load_window(const GridConvJob& job, std::int64_t sample,
                                   const GridWindow& window, int first, int count, float* to) {
  const int total = window.height * window.width * count;
  for (int k = threadIdx.x; k < total; k += blockDim.x) {
    const int point = k / count, c = k - point * count;
    const int row = point / window.width;
    const std::int64_t i = window.top + row, j = window.left + point - row * window.width;
    const bool inside = i >= 0 && i < job.from_height && j >= 0 && j < job.from_width;
    to[point * kGridPitch + c] =
        inside
            ? job.from[((sample * job.from_height + i) * job.from_width + j) * job.in + first + c]
            : 0.f;
  }
}

// What a thread makes: points `first`, `first` + `step`, ... of a class of points, which are
// scale * (row, column) + (down, right) in the region.
struct GridItem {
  int out;          // first channel
  int first, step;  // of the class, row by row
  int scale, down, right;
  int rows, columns;  // of the class
};
template <int P>
__device__ inline GridItem item_of(const GridConvJob& job, const GridRegion& region, int index) {
  GridItem item;
  if (job.kind == GridConvKind::gather) {
    item.step = (region.points() + P - 1) / P;
    item.first = index % item.step;
    item.out = index / item.step * kGridConvOut;
    item.scale = 1;
    item.down = item.right = 0;
    item.rows = region.height;
    item.columns = region.width;
    return item;
  }
  // Points of the four parities apart: each has its own taps.
  const int largest = ((region.height + 1) / 2) * ((region.width + 1) / 2);
  item.step = (largest + P - 1) / P;
  const int rest = index / item.step, parity = rest % 4;
  item.first = index % item.step;
  item.out = rest / 4 * kGridConvOut;
  item.scale = 2;
  item.down = parity / 2;
  item.right = parity % 2;
  item.rows = (region.height + 1 - item.down) / 2;
  item.columns = (region.width + 1 - item.right) / 2;
  return item;
}
template <int P>
__device__ inline int items_of(const GridConvJob& job, const GridRegion& region) {
  const int groups = (job.out + kGridConvOut - 1) / kGridConvOut;
  if (job.kind == GridConvKind::gather) return (region.points() + P - 1) / P * groups;
  const int largest = ((region.height + 1) / 2) * ((region.width + 1) / 2);
  return (largest + P - 1) / P * 4 * groups;
}

template <int P>
struct GridSums {
  float of[P][kGridConvOut];
};

// Adds what a tap gives: x of P points in shared memory, weights of `count` channels.
template <int P>
__device__ inline void add_tap(const float* const (&x)[P], const float* weights, int stride,
                               int count, GridSums<P>& sums) {
  LONGTAIL_UNROLL
  for (int c = 0; c < count; ++c) {
    const Four<float> low = load_four(weights + c * stride);
    const Four<float> high = load_four(weights + c * stride + 4);
    for (int p = 0; p < P; ++p) {
      const float value = x[p][c];
      for (int o = 0; o < 4; ++o) {
        sums.of[p][o] = fma(value, low.of[o], sums.of[p][o]);
        sums.of[p][4 + o] = fma(value, high.of[o], sums.of[p][4 + o]);
      }
    }
  }
}

// All taps of an item for `count` channels from `first` on.
template <int P>
__device__ inline void add_item(const GridConvJob& job, const GridItem& item,
                                const GridWindow& window, int first, int count, const float* shared,
                                GridSums<P>& sums) {
  const bool gather = job.kind == GridConvKind::gather;
  const int out = (job.out + kGridConvOut - 1) / kGridConvOut * kGridConvOut;
  const int points = item.rows * item.columns;
  const float* start[P];
  for (int p = 0; p < P; ++p) {
    // Points behind the last read what the last reads, and are not written.
    const int at = grid_least(item.first + p * item.step, points - 1);
    const int row = at / item.columns, column = at - row * item.columns;
    const int i = gather ? job.stride * row : row, j = gather ? job.stride * column : column;
    start[p] = shared + (i * window.width + j) * kGridPitch;
  }
  const int taps = gather ? job.taps : 2;
  for (int s = 0; s < taps; ++s) {
    // Spread: even points meet taps 1 (here) and 3 (before), odd ones 0 (behind) and 2 (here).
    const int a = gather ? s : (item.down ? 2 * s : 1 + 2 * s);
    const int i = gather ? s : (item.down ? 2 - s : 1 - s);
    if (a >= job.taps) continue;
    for (int t = 0; t < taps; ++t) {
      const int b = gather ? t : (item.right ? 2 * t : 1 + 2 * t);
      const int j = gather ? t : (item.right ? 2 - t : 1 - t);
      if (b >= job.taps) continue;
      const float* x[P];
      for (int p = 0; p < P; ++p) x[p] = start[p] + (i * window.width + j) * kGridPitch;
      const float* weights = job.weights +
                             (static_cast<std::int64_t>(a * job.taps + b) * job.in + first) * out +
                             item.out;
      add_tap<P>(x, weights, out, count, sums);
    }
  }
}

template <int P>
__device__ inline void write_item(const GridConvJob& job, const GridRegion& region,
                                  const GridItem& item, const GridSums<P>& sums) {
  const int points = item.rows * item.columns;
  for (int p = 0; p < P; ++p) {
    const int at = item.first + p * item.step;
    if (at >= points) return;
    const int row = at / item.columns, column = at - row * item.columns;
    const std::int64_t i = region.top + item.scale * row + item.down;
    const std::int64_t j = region.left + item.scale * column + item.right;
    const std::int64_t to = ((region.sample * job.height + i) * job.width + j) * job.out + item.out;
    for (int o = 0; o < kGridConvOut; ++o) {
      if (item.out + o >= job.out) break;
      float value = sums.of[p][o];
      if (job.bias) value += job.bias[item.out + o];
      if (job.add) value += job.add[to + o];
      job.to[to + o] = value;
    }
  }
}

// The whole block calls this; shared: kGridShared floats, which the threads may read before.
template <int P>
__device__ inline void convolve_region(const GridConvJob& job, const GridRegion& region,
                                       float* shared) {
  const GridWindow window = window_of(job, region);
  const int items = items_of<P>(job, region);
  const int threads = static_cast<int>(blockDim.x);
  for (int base = 0; base < items; base += threads) {
    const int index = base + static_cast<int>(threadIdx.x);
    GridSums<P> sums{};
    GridItem item{};
    if (index < items) item = item_of<P>(job, region, index);
    // A class of parities may be empty.
    const bool works = index < items && item.rows * item.columns > 0;
    for (int first = 0; first < job.in; first += kGridChannels) {
      const int count = grid_least(kGridChannels, job.in - first);
      // The window of all channels, once there, stays for the block's other items.
      if (base == 0 || job.in > kGridChannels) {
        __syncthreads();
        load_window(job, region.sample, window, first, count, shared);
        __syncthreads();
      }
      if (works) add_item<P>(job, item, window, first, count, shared, sums);
    }
    if (works) write_item<P>(job, region, item, sums);
  }
}

}  // namespace longtail::cuda
