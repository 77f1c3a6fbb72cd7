// Tokens into a quantised cache on CUDA, by kernels in a row: the frozen means, codes (a block a
// tile), the exact tail, whose old rows the second reads, and last the lengths, which all of them
// read. Same codes as the CPU, bit for bit.
#pragma once

#include "attention/cache.h"
#include "attention/cache_math.h"
#include "cuda/attention/decode_elements.cuh"
#include "cuda/attention/decode_layout.h"

namespace longtail::cuda {

using attention::CacheLayout;
using attention::KFormat;
using attention::kMaxHeadDim;
using attention::kTileTokens;

struct AppendArguments {
  CacheLayout layout;
  attention::MutableCache cache;
  std::int64_t tokens;
  const std::int64_t* counts;
  const void *k, *v;
};

// What an append is for one sequence and head.
struct AppendedHead {
  attention::MutableHead head;
  std::int64_t index, length, packed, count, packed_after;

  __device__ AppendedHead(const AppendArguments& a, std::int64_t index)
      : head(a.cache.head(a.layout, index, element_bytes(a.cache.dtype))), index(index) {
    const std::int64_t b = index / a.cache.kv_heads;
    length = a.cache.lengths[b];
    packed = a.cache.packed[b];
    count = a.counts[b];
    packed_after = attention::packed_after(a.layout.format, length, packed, count);
  }
  // An exact key: from the tail or, behind the old length, from what is appended.
  __device__ float key(const AppendArguments& a, std::int64_t token, int c) const {
    const int dim = a.layout.k_dim;
    if (token < length) return read_element(head.tail, a.cache.dtype, (token - packed) * dim + c);
    return read_element(a.k, a.cache.dtype, (index * a.tokens + token - length) * dim + c);
  }
  __device__ float value(const AppendArguments& a, std::int64_t token, int c) const {
    const int dim = a.layout.v_dim;
    return read_element(a.v, a.cache.dtype, (index * a.tokens + token - length) * dim + c);
  }
};

template <int Bits>
__device__ inline attention::Grid<float> grid_of_word(std::uint32_t word) {
  const auto signed_word = static_cast<std::int32_t>(word);
  return {1.0f / attention::grid_scale<float>(signed_word),
          attention::grid_zero<Bits, float>(signed_word), signed_word};
}

// The channel that stands for c where there is none: the first of its 32.
__device__ inline int real_channel(int c, int channels) { return c < channels ? c : c & ~31; }

__global__ void __launch_bounds__(kDecodeThreads) kv_append_means(AppendArguments a) {
  const AppendedHead h(a, blockIdx.x);
  const bool freezes = h.packed == 0 && h.packed_after > 0;
  if (a.layout.format != KFormat::token_rotated || !freezes) return;
  for (int c = threadIdx.x; c < a.layout.k_dim; c += kDecodeThreads) {
    double sum = 0;
    for (int t = 0; t < kTileTokens; ++t) sum += static_cast<double>(h.key(a, t, c));
    h.head.mean[c] = static_cast<float>(sum / kTileTokens);
  }
}

// Key words of the token in `slot` from its codes.
template <int Bits>
__device__ inline void pack_key_words(const std::uint8_t* codes, int width, std::uint32_t* tile,
                                      int slot, int thread, int threads) {
  constexpr int n = attention::CodeFormat<Bits>::kPerWord;
  for (int m = thread; m < width / n; m += threads) {
    std::uint32_t word = 0;
    for (int i = 0; i < n; ++i) {
      word |= std::uint32_t{codes[m * n + i]} << attention::code_shift<Bits>(i);
    }
    tile[m * kTileTokens + slot] = word;
  }
}

template <int Bits>
__device__ void append_values(const AppendArguments& a, const AppendedHead& h, std::int64_t tile,
                              std::int64_t begin, std::int64_t end) {
  constexpr int n = attention::CodeFormat<Bits>::kPerWord;
  const int width = a.layout.v_width(), group = a.layout.group, groups = a.layout.v_groups();
  std::uint32_t* grids = h.head.v_grids + tile * a.layout.v_grids();
  std::uint32_t* words = h.head.v_codes + tile * a.layout.v_codes();
  for (int i = threadIdx.x; i < static_cast<int>(end - begin) * groups; i += kDecodeThreads) {
    const std::int64_t token = begin + i / groups;
    const int g = i % groups;
    float low = h.value(a, token, g * group), high = low;
    for (int c = g * group; c < g * group + group && c < a.layout.v_dim; ++c) {
      const float each = h.value(a, token, c);
      low = longtail::min(each, low);
      high = longtail::max(each, high);
    }
    grids[g * kTileTokens + token % kTileTokens] =
        static_cast<std::uint32_t>(attention::make_grid<Bits>(low, high).word);
  }
  __syncthreads();
  for (int c = threadIdx.x; c < width; c += kDecodeThreads) {
    for (std::int64_t token = begin; token < end; ++token) {
      const int slot = static_cast<int>(token % kTileTokens);
      const auto grid = grid_of_word<Bits>(grids[c / group * kTileTokens + slot]);
      const float x = h.value(a, token, real_channel(c, a.layout.v_dim));
      const auto code = static_cast<std::uint32_t>(attention::encode<Bits>(grid, x));
      std::uint32_t& word = words[slot / n * width + c];
      const int shift = attention::code_shift<Bits>(slot % n);
      const std::uint32_t mask = std::uint32_t{attention::CodeFormat<Bits>::kLargest} << shift;
      word = (word & ~mask) | code << shift;
    }
  }
}

template <int Bits>
__device__ void append_channel_tile(const AppendArguments& a, const AppendedHead& h,
                                    std::int64_t tile) {
  __shared__ std::uint8_t codes[kTileTokens][kMaxHeadDim];
  const int width = a.layout.k_width();
  for (int c = threadIdx.x; c < width; c += kDecodeThreads) {
    const int channel = real_channel(c, a.layout.k_dim);
    float low = h.key(a, tile * kTileTokens, channel), high = low;
    for (int t = 1; t < kTileTokens; ++t) {
      const float each = h.key(a, tile * kTileTokens + t, channel);
      low = longtail::min(each, low);
      high = longtail::max(each, high);
    }
    const auto grid = attention::make_grid<Bits>(low, high);
    h.head.k_grids[tile * a.layout.k_grids() + c] = static_cast<std::uint32_t>(grid.word);
    for (int t = 0; t < kTileTokens; ++t) {
      const float x = h.key(a, tile * kTileTokens + t, channel);
      codes[t][c] = static_cast<std::uint8_t>(attention::encode<Bits>(grid, x));
    }
  }
  __syncthreads();
  const int t = threadIdx.x % kTileTokens, part = threadIdx.x / kTileTokens;
  pack_key_words<Bits>(codes[t], width, h.head.k_codes + tile * a.layout.k_codes(), t, part,
                       kDecodeThreads / kTileTokens);
}

// x[0, size) by all threads of the block, as attention::rotate does it.
__device__ inline void rotate_together(float* x, int size) {
  for (int span = 1; span < size; span *= 2) {
    for (int i = threadIdx.x; i < size / 2; i += kDecodeThreads) {
      const int low = i / span * 2 * span + i % span;
      const float a = x[low], b = x[low + span];
      x[low] = a + b;
      x[low + span] = a - b;
    }
    __syncthreads();
  }
  const auto factor = static_cast<float>(1.0 / longtail::sqrt(static_cast<double>(size)));
  for (int i = threadIdx.x; i < size; i += kDecodeThreads) x[i] *= factor;
  __syncthreads();
}

template <int Bits>
__device__ void append_rotated(const AppendArguments& a, const AppendedHead& h, std::int64_t tile,
                               std::int64_t begin, std::int64_t end) {
  __shared__ float x[kMaxHeadDim];
  __shared__ std::uint8_t codes[kMaxHeadDim];
  const int channels = a.layout.k_channels(), width = a.layout.k_width(), group = a.layout.group;
  std::uint32_t* grids = h.head.k_grids + tile * a.layout.k_grids();
  for (std::int64_t token = begin; token < end; ++token) {
    const int slot = static_cast<int>(token % kTileTokens);
    for (int c = threadIdx.x; c < channels; c += kDecodeThreads) {
      x[c] = c < a.layout.k_dim ? h.key(a, token, c) - h.head.mean[c] : 0.0f;
    }
    __syncthreads();
    rotate_together(x, channels);
    for (int g = threadIdx.x; g < a.layout.k_groups(); g += kDecodeThreads) {
      float low = x[g * group], high = low;
      for (int c = g * group; c < g * group + group && c < channels; ++c) {
        low = longtail::min(x[c], low);
        high = longtail::max(x[c], high);
      }
      grids[g * kTileTokens + slot] =
          static_cast<std::uint32_t>(attention::make_grid<Bits>(low, high).word);
    }
    __syncthreads();
    for (int c = threadIdx.x; c < width; c += kDecodeThreads) {
      const auto grid = grid_of_word<Bits>(grids[c / group * kTileTokens + slot]);
      codes[c] =
          static_cast<std::uint8_t>(attention::encode<Bits>(grid, x[real_channel(c, channels)]));
    }
    __syncthreads();
    pack_key_words<Bits>(codes, width, h.head.k_codes + tile * a.layout.k_codes(), slot,
                         threadIdx.x, kDecodeThreads);
    __syncthreads();  // before x and codes are the next token's
  }
}

// Tile blockIdx.x, counted from the one that the old length ends in, of head blockIdx.y. Where the
// mean is frozen only now, the first tile encodes the keys of the tail too.
template <int Bits>
__global__ void __launch_bounds__(kDecodeThreads) kv_append_codes(AppendArguments a) {
  const AppendedHead h(a, blockIdx.y);
  const std::int64_t tile = h.length / kTileTokens + blockIdx.x, first = tile * kTileTokens;
  const std::int64_t last = h.length + h.count;
  const std::int64_t begin = first > h.length ? first : h.length;
  const std::int64_t end = first + kTileTokens < last ? first + kTileTokens : last;
  if (begin >= end) return;
  append_values<Bits>(a, h, tile, begin, end);
  if (a.layout.format == KFormat::channel) {
    if (end == first + kTileTokens) append_channel_tile<Bits>(a, h, tile);
  } else if (h.packed_after > 0) {
    append_rotated<Bits>(a, h, tile, h.packed > 0 ? begin : first, end);
  }
}

__global__ void __launch_bounds__(kDecodeThreads) kv_append_tail(AppendArguments a) {
  const AppendedHead h(a, blockIdx.x);
  const int dim = a.layout.k_dim;
  const std::int64_t begin = h.length > h.packed_after ? h.length : h.packed_after;
  const std::int64_t rest = (h.length + h.count - begin) * dim;
  for (std::int64_t i = threadIdx.x; i < rest; i += kDecodeThreads) {
    const std::int64_t token = begin + i / dim;
    write_element(h.head.tail, a.cache.dtype, (token - h.packed_after) * dim + i % dim,
                  h.key(a, token, static_cast<int>(i % dim)));
  }
}

// A sequence a thread.
__global__ void __launch_bounds__(kDecodeThreads) kv_append_advance(AppendArguments a) {
  const std::int64_t b = std::int64_t{blockIdx.x} * kDecodeThreads + threadIdx.x;
  if (b < a.cache.batch) attention::advance(a.layout, a.cache, b, a.counts[b]);
}

}  // namespace longtail::cuda
