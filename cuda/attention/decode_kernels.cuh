// Attention over a quantised cache on CUDA: a block takes up to four queries of the heads of a
// group and 512 tokens, tile by tile; a second kernel merges the splits of a query in their order.
//
// The kernel for any GPU; decode_mma.cuh has the one with tensor cores, whose splits the merge here
// joins as well. Codes are unpacked in registers and used as floats, so that this is the formula
// without the rounding of queries and weights. Words of K are read with a token a thread,
// those of V with a channel a thread, both coalesced.
#pragma once

#include "attention/cache_math.h"
#include "core/exp.h"
#include "core/log.h"
#include "cuda/attention/decode_append.cuh"
#include "cuda/attention/decode_rows.cuh"

namespace longtail::cuda {

struct DecodeShared {
  float q[kDecodeRows][kMaxHeadDim];       // scaled, rotated if the keys are
  float scaled[kDecodeRows][kMaxHeadDim];  // times the scales of a tile
  float offset[kDecodeRows];               // what a score has beside the codes
  float halves[2][kDecodeRows][kTileTokens];
  float weights[kDecodeRows][kTileTokens];
  float sums[kDecodeRows][attention::kMaxHeadDim / 32];  // of q, by group
  float bias[kDecodeRows], top[kDecodeRows], mass[kDecodeRows], shrink[kDecodeRows];
};

__device__ inline void load_queries(const DecodeArguments& a, const DecodeRows& rows,
                                    const attention::ConstHead& head, DecodeShared& s) {
  const CacheLayout& layout = a.layout;
  const int dim = layout.k_dim, width = layout.k_width();
  const bool rotated = layout.format == KFormat::token_rotated && rows.packed > 0;
  read_queries(a, rows, s.q);
  if (threadIdx.x < kDecodeRows) {
    const int r = threadIdx.x;
    double bias = 0;
    for (int c = 0; rotated && c < dim; ++c) {
      bias += static_cast<double>(s.q[r][c]) * static_cast<double>(head.mean[c]);
    }
    s.bias[r] = static_cast<float>(bias);
    s.top[r] = -INFINITY;
    s.mass[r] = 0;
  }
  __syncthreads();
  if (!rotated) return;
  for (int r = 0; r < kDecodeRows; ++r) rotate_together(s.q[r], layout.k_channels());
  for (int i = threadIdx.x; i < kDecodeRows * layout.k_groups(); i += kDecodeThreads) {
    const int r = i / layout.k_groups(), g = i % layout.k_groups();
    float sum = 0;
    for (int c = g * layout.group; c < (g + 1) * layout.group && c < width; ++c) sum += s.q[r][c];
    s.sums[r][g] = sum;
  }
  __syncthreads();
}

// sum over the words [begin, end) of q . code for the token `slot`, added to dots.
template <int Bits>
__device__ inline void dot_words(const std::uint32_t* codes, int begin, int end, int slot,
                                 const float (*q)[kMaxHeadDim], float* dots) {
  constexpr int n = attention::CodeFormat<Bits>::kPerWord;
  for (int m = begin; m < end; ++m) {
    const std::uint32_t word = codes[m * kTileTokens + slot];
    for (int i = 0; i < n; ++i) {
      const auto code = static_cast<float>((word >> attention::code_shift<Bits>(i)) &
                                           attention::CodeFormat<Bits>::kLargest);
      for (int r = 0; r < kDecodeRows; ++r) {
        dots[r] = longtail::fma(q[r][m * n + i], code, dots[r]);
      }
    }
  }
}

// Scores of a tile without masks into s.halves, whose two parts are to be added: every token has
// two threads, for the lower and the upper half of the channels.
template <int Bits>
__device__ void tile_scores(const DecodeArguments& a, const DecodeRows& rows,
                            const attention::ConstHead& head, std::int64_t begin, DecodeShared& s) {
  constexpr int n = attention::CodeFormat<Bits>::kPerWord;
  const CacheLayout& layout = a.layout;
  const int width = layout.k_width(), slot = threadIdx.x % kTileTokens;
  const int half = threadIdx.x / kTileTokens;
  const std::int64_t tile = begin / kTileTokens;
  const std::uint32_t* codes = head.k_codes + tile * layout.k_codes();
  const std::uint32_t* grids = head.k_grids + tile * layout.k_grids();
  float scores[kDecodeRows] = {};
  if (begin >= rows.packed) {
    const bool there = half == 0 && begin + slot < rows.length;
    for (int c = 0; there && c < layout.k_dim; ++c) {
      const float key = read_element(head.tail, a.cache.dtype,
                                     (begin + slot - rows.packed) * std::int64_t{layout.k_dim} + c);
      for (int r = 0; r < kDecodeRows; ++r) {
        scores[r] = longtail::fma(s.q[r][c], key, scores[r]);
      }
    }
  } else if (layout.format == KFormat::channel) {
    for (int i = threadIdx.x; i < kDecodeRows * width; i += kDecodeThreads) {
      const int r = i / width, c = i % width;
      s.scaled[r][c] =
          s.q[r][c] * attention::grid_scale<float>(static_cast<std::int32_t>(grids[c]));
    }
    __syncthreads();
    if (threadIdx.x < kDecodeRows) {
      float offset = 0;
      for (int c = 0; c < width; ++c) {
        const float zero = attention::grid_zero<Bits, float>(static_cast<std::int32_t>(grids[c]));
        offset = longtail::fma(s.scaled[threadIdx.x][c], zero, offset);
      }
      s.offset[threadIdx.x] = offset;
    }
    const int middle = width / n / 2;
    dot_words<Bits>(codes, half == 0 ? 0 : middle, half == 0 ? middle : width / n, slot, s.scaled,
                    scores);
    __syncthreads();
    for (int r = 0; half == 0 && r < kDecodeRows; ++r) scores[r] += s.offset[r];
  } else {
    for (int r = 0; half == 0 && r < kDecodeRows; ++r) scores[r] = s.bias[r];
    for (int g = half; g < layout.k_groups(); g += 2) {
      const int first = g * layout.group;
      const int end = first + layout.group < width ? first + layout.group : width;
      float dots[kDecodeRows] = {};
      dot_words<Bits>(codes, first / n, end / n, slot, s.q, dots);
      const auto word = static_cast<std::int32_t>(grids[g * kTileTokens + slot]);
      const float scale = attention::grid_scale<float>(word);
      const float zero = attention::grid_zero<Bits, float>(word);
      for (int r = 0; r < kDecodeRows; ++r) {
        const float part = longtail::fma(zero, s.sums[r][g], dots[r]);
        scores[r] = longtail::fma(scale, part, scores[r]);
      }
    }
  }
  for (int r = 0; r < kDecodeRows; ++r) s.halves[half][r][slot] = scores[r];
  __syncthreads();
}

// Scores to weights: s.weights relative to the new s.top, s.shrink for what is summed already.
__device__ inline void tile_weights(const DecodeArguments& a, const DecodeRows& rows,
                                    std::int64_t begin, DecodeShared& s) {
  for (int i = threadIdx.x; i < kDecodeRows * kTileTokens; i += kDecodeThreads) {
    const int r = i / kTileTokens, slot = i % kTileTokens;
    const bool seen = begin + slot < rows.visible(a, r);
    s.weights[r][slot] =
        seen ? s.halves[0][r][slot] + s.halves[1][r][slot] + rows.mask(a, r, begin + slot)
             : -INFINITY;
  }
  __syncthreads();
  if (threadIdx.x < kDecodeRows) {
    const int r = threadIdx.x;
    float top = s.top[r];
    for (int t = 0; t < kTileTokens; ++t) top = longtail::max(s.weights[r][t], top);
    s.shrink[r] = top > -INFINITY ? longtail::exp(s.top[r] - top) : 1.0f;
    s.top[r] = top;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < kDecodeRows * kTileTokens; i += kDecodeThreads) {
    const int r = i / kTileTokens, slot = i % kTileTokens;
    const float score = s.weights[r][slot];
    s.weights[r][slot] = score > -INFINITY ? longtail::exp(score - s.top[r]) : 0.0f;
  }
  __syncthreads();
  if (threadIdx.x < kDecodeRows) {
    const int r = threadIdx.x;
    float mass = s.mass[r] * s.shrink[r];
    for (int t = 0; t < kTileTokens; ++t) mass += s.weights[r][t];
    s.mass[r] = mass;
  }
}

constexpr int kChannelsOfThread = kMaxHeadDim / kDecodeThreads;

// Adds the weighted values of a tile to the thread's channels.
template <int Bits>
__device__ void tile_values(const DecodeArguments& a, const attention::ConstHead& head,
                            std::int64_t begin, std::int64_t end, const DecodeShared& s,
                            float (*sums)[kDecodeRows]) {
  constexpr int n = attention::CodeFormat<Bits>::kPerWord;
  const CacheLayout& layout = a.layout;
  const int width = layout.v_width();
  const std::int64_t tile = begin / kTileTokens;
  const std::uint32_t* codes = head.v_codes + tile * layout.v_codes();
  const int count = end - begin < kTileTokens ? static_cast<int>(end - begin) : kTileTokens;
  for (int k = 0; k < kChannelsOfThread; ++k) {
    const int c = threadIdx.x + k * kDecodeThreads;
    if (c >= width) break;
    const std::uint32_t* grids =
        head.v_grids + tile * layout.v_grids() + c / layout.group * kTileTokens;
    for (int r = 0; r < kDecodeRows; ++r) sums[k][r] *= s.shrink[r];
    for (int slot = 0; slot < count; ++slot) {
      const std::uint32_t word = codes[slot / n * width + c];
      const auto code = static_cast<float>((word >> attention::code_shift<Bits>(slot % n)) &
                                           attention::CodeFormat<Bits>::kLargest);
      const auto grid = static_cast<std::int32_t>(grids[slot]);
      const float value =
          attention::grid_scale<float>(grid) * (code + attention::grid_zero<Bits, float>(grid));
      for (int r = 0; r < kDecodeRows; ++r) {
        sums[k][r] = longtail::fma(s.weights[r][slot], value, sums[k][r]);
      }
    }
  }
}

// Blocks: (row block, split) by sequence and cache head.
template <int Bits>
__global__ void __launch_bounds__(kDecodeThreads) kv_decode(DecodeArguments a) {
  __shared__ DecodeShared s;
  const DecodeRows rows(a, kDecodeRows);
  const attention::ConstHead head = a.cache.head(a.layout, rows.head, element_bytes(a.cache.dtype));
  const auto [split, begin, end] = split_tokens<kDecodeRows>(a, rows);
  load_queries(a, rows, head, s);
  float sums[kChannelsOfThread][kDecodeRows] = {};
  for (std::int64_t tile = begin; tile < end; tile += kTileTokens) {
    tile_scores<Bits>(a, rows, head, tile, s);
    tile_weights(a, rows, tile, s);
    tile_values<Bits>(a, head, tile, end, s, sums);
    __syncthreads();  // before the next tile overwrites weights
  }
  for (int r = 0; r < kDecodeRows && rows.has(r); ++r) {
    const std::int64_t at = rows.row(r) * a.splits + split;
    if (threadIdx.x == 0) {
      a.partials.tops[at] = s.top[r];
      a.partials.mass[at] = s.mass[r];
    }
    for (int k = 0; k < kChannelsOfThread; ++k) {
      const int c = threadIdx.x + k * kDecodeThreads;
      if (c < a.layout.v_width()) a.partials.sums[at * a.layout.v_width() + c] = sums[k][r];
    }
  }
}

// Block blockIdx.x merges the splits of one row.
__global__ void __launch_bounds__(kDecodeThreads) kv_decode_merge(DecodeArguments a) {
  const std::int64_t row = blockIdx.x, first = row * a.splits;
  float top = -INFINITY;
  for (std::int64_t s = 0; s < a.splits; ++s) top = longtail::max(a.partials.tops[first + s], top);
  const bool seen = top > -INFINITY;
  float mass = 0;
  for (std::int64_t s = 0; seen && s < a.splits; ++s) {
    mass = longtail::fma(longtail::exp(a.partials.tops[first + s] - top),
                         a.partials.mass[first + s], mass);
  }
  const int dim = a.layout.v_dim, width = a.layout.v_width();
  for (int c = threadIdx.x; c < dim; c += kDecodeThreads) {
    float sum = 0;
    for (std::int64_t s = 0; seen && s < a.splits; ++s) {
      sum = longtail::fma(longtail::exp(a.partials.tops[first + s] - top),
                          a.partials.sums[(first + s) * width + c], sum);
    }
    write_element(a.call.out, a.call.dtype, row * dim + c, seen ? sum / mass : 0.0f);
  }
  if (threadIdx.x == 0) {
    a.call.lse[row] =
        seen ? top + static_cast<float>(longtail::log(static_cast<double>(mass))) : -INFINITY;
  }
}

}  // namespace longtail::cuda
