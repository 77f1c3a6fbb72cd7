// Short convolutions on CUDA. Forward: a block makes a tile of one row from shared memory.
// Backward: a block takes tiles of one channel, one after another; gradients of taps stay in it and
// become one float64 sum for each block, which a second kernel adds in a fixed order.
//
// With P = W - 1, x_before is x with P numbers in front of the row (the state, or zeros), so that
// tap t of result n meets x_before[n + t].
#pragma once

#include "cuda/core/element_type.h"
#include "longconv/short_conv.h"
#include "longconv/short_conv_math.h"

namespace longtail::cuda {

constexpr int kShortThreads = 128;
constexpr int kShortTile = 4 * kShortThreads;
constexpr int kShortTaps = static_cast<int>(longconv::kMostShortTaps);

// E is the type of rows, P that of taps and bias; bias and state may be null.
template <class E, class P>
struct ShortConvProblem {
  longconv::ShortConvShape shape;
  const E *u, *state;
  const P *taps, *bias;
};

inline __host__ __device__ std::int64_t short_tiles(std::int64_t points) {
  return (points + kShortTile - 1) / kShortTile;
}

// The taps of channel h and its bias.
template <class S, class E, class P>
__device__ inline S load_short_taps(const ShortConvProblem<E, P>& p, std::int64_t h, S* taps) {
  for (int t = threadIdx.x; t < p.shape.taps; t += kShortThreads) {
    taps[t] = read_as<S>(p.taps[h * p.shape.taps + t]);
  }
  return p.bias ? read_as<S>(p.bias[h]) : S(0);
}

// x_before[begin ... begin + count) of row r, zeros where it ends.
template <class S, class E, class P>
__device__ inline void load_short_row(const ShortConvProblem<E, P>& p, std::int64_t r,
                                      std::int64_t begin, int count, S* to) {
  const std::int64_t past = p.shape.taps - 1;
  for (int i = threadIdx.x; i < count; i += kShortThreads) {
    const std::int64_t at = begin + i, n = at - past;
    S x(0);
    if (n >= 0 && n < p.shape.length) x = read_as<S>(p.u[r * p.shape.length + n]);
    if (at >= 0 && n < 0 && p.state) x = read_as<S>(p.state[r * past + at]);
    to[i] = x;
  }
}

template <class S>
__device__ inline S short_sum(const S* x, const S* taps, int width, S bias) {
  S sum = bias;
  for (int t = 0; t < width; ++t) sum = fma(taps[t], x[t], sum);
  return sum;
}

// One block for each tile of each row.
template <class E, class P>
__global__ void __launch_bounds__(kShortThreads)
    short_conv_forward(const __grid_constant__ ShortConvProblem<E, P> p, E* y) {
  using S = compute_type<E>;
  __shared__ S x[kShortTile + kShortTaps], taps[kShortTaps];
  const std::int64_t tiles = short_tiles(p.shape.length);
  const std::int64_t r = blockIdx.x / tiles, begin = blockIdx.x % tiles * kShortTile;
  const int width = static_cast<int>(p.shape.taps);
  const S bias = load_short_taps(p, r % p.shape.heads, taps);
  load_short_row(p, r, begin, kShortTile + width - 1, x);
  __syncthreads();
  for (int i = threadIdx.x; i < kShortTile && begin + i < p.shape.length; i += kShortThreads) {
    const S a = short_sum(x + i, taps, width, bias);
    y[r * p.shape.length + begin + i] = write_as<E>(p.shape.silu ? longconv::silu(a) : a);
  }
}

// Blocks (h, part): tiles part, part + parts, ... of the batch's rows of channel h. Results of a
// row are du with the P of dstate in front, so tiles cover L + P of them. partial [H, parts, W + 1]
// gets the sums for the taps and for the bias.
template <class E, class P>
__global__ void __launch_bounds__(kShortThreads)
    short_conv_backward(const __grid_constant__ ShortConvProblem<E, P> p, std::int64_t parts,
                        const E* grad, E* du, E* dstate, double* partial) {
  using S = compute_type<E>;
  __shared__ S x[kShortTile + 2 * kShortTaps], g[kShortTile + kShortTaps], taps[kShortTaps];
  __shared__ double sums[kShortThreads];
  const std::int64_t h = blockIdx.x / parts, part = blockIdx.x % parts, length = p.shape.length;
  const int width = static_cast<int>(p.shape.taps), past = width - 1;
  const std::int64_t tiles = short_tiles(length + past);
  const S bias = load_short_taps(p, h, taps);
  // Each tap has `share` threads, a power of two; they take every share-th of the products.
  int share = kShortThreads;
  while (share * width > kShortThreads) share /= 2;
  const int tap = threadIdx.x / share, mine = threadIdx.x % share;
  double of_tap = 0, of_bias = 0;
  for (std::int64_t item = part; item < p.shape.batch * tiles; item += parts) {
    const std::int64_t r = item / tiles * p.shape.heads + h, begin = item % tiles * kShortTile;
    __syncthreads();  // the tile before may still be read
    load_short_row(p, r, begin - past, kShortTile + 2 * past, x);
    __syncthreads();
    // Gradients of a: g[i] at n = begin - past + i.
    for (int i = threadIdx.x; i < kShortTile + past; i += kShortThreads) {
      const std::int64_t n = begin - past + i;
      S slope(0);
      if (n >= 0 && n < length) {
        slope = read_as<S>(grad[r * length + n]);
        if (p.shape.silu) slope *= longconv::silu_slope(short_sum(x + i, taps, width, bias));
      }
      g[i] = slope;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < kShortTile; i += kShortThreads) {
      const std::int64_t at = begin + i;
      if (at >= length + past || (at < past && !dstate)) continue;
      S sum(0);
      for (int t = 0; t < width; ++t) sum = fma(taps[width - 1 - t], g[i + t], sum);
      E* to = at < past ? dstate + r * past + at : du + r * length + at - past;
      *to = write_as<E>(sum);
    }
    const int own = length - begin < kShortTile ? static_cast<int>(length - begin) : kShortTile;
    S products(0), slopes(0);
    if (tap < width) {
      for (int i = mine; i < own; i += share) {
        products = fma(g[past + i], x[past + i + tap], products);
      }
    }
    for (int i = threadIdx.x; i < own; i += kShortThreads) slopes += g[past + i];
    of_tap += static_cast<double>(products);
    of_bias += static_cast<double>(slopes);
  }
  double* to = partial + blockIdx.x * (p.shape.taps + 1);
  sums[threadIdx.x] = of_tap;
  __syncthreads();
  if (static_cast<int>(threadIdx.x) < width) {
    double sum = 0;
    for (int i = 0; i < share; ++i) sum += sums[threadIdx.x * share + i];
    to[threadIdx.x] = sum;
  }
  __syncthreads();
  sums[threadIdx.x] = of_bias;
  __syncthreads();
  if (threadIdx.x == 0) {
    double sum = 0;
    for (int i = 0; i < kShortThreads; ++i) sum += sums[i];
    to[width] = sum;
  }
}

// One thread for each tap and bias of each channel.
template <class P>
__global__ void __launch_bounds__(kShortThreads)
    short_conv_collect(std::int64_t heads, std::int64_t width, std::int64_t parts,
                       const double* partial, P* dtaps, P* dbias) {
  const std::int64_t columns = width + 1;
  const std::int64_t i = std::int64_t{blockIdx.x} * kShortThreads + threadIdx.x;
  if (i >= heads * columns) return;
  const std::int64_t h = i / columns, t = i % columns;
  double sum = 0;
  for (std::int64_t part = 0; part < parts; ++part)
    sum += partial[(h * parts + part) * columns + t];
  if (t < width) {
    dtaps[h * width + t] = write_as<P>(sum);
  } else if (dbias) {
    dbias[h] = write_as<P>(sum);
  }
}

}  // namespace longtail::cuda
