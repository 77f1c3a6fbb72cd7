// Scores of up to 8 rows over a tile of 64 keys by a warp's tensor cores: keys are the rows of the
// products, queries their columns. The arithmetic is that of csrc/attention/decode_scores.h.
#pragma once

#include "cuda/attention/decode_elements.cuh"
#include "cuda/attention/decode_fragments.cuh"
#include "cuda/attention/decode_rows.cuh"

namespace longtail::cuda {

constexpr int kDecodeWarps = kDecodeThreads / 32;
constexpr int kMaxKeyGroups = kMaxHeadDim / 32;
// Floats from a row to the next in shared memory: apart so far that what a warp reads or writes at
// once, 16 bytes a lane, lies in different banks.
constexpr int kQueryStride = kMaxHeadDim + 16, kScoreStride = kTileTokens + 4;
constexpr int kRoundedStride = kMaxHeadDim / 8 + 4;  // of eight numbers

using TileScores = float[kDecodeMmaRows][kScoreStride];

struct DecodeMmaShared {
  alignas(16) float q[kDecodeMmaRows][kQueryStride];  // scaled, rotated; in the end sums of values
  alignas(16) TileScores scores[kDecodeWarps];
  alignas(16) TileScores exact;                                      // of the keys without codes
  alignas(16) FragmentB rounded[2][kDecodeMmaRows][kRoundedStride];  // rotated queries, by planes
  float bias[kDecodeMmaRows];                                        // q . mean
  float steps[kDecodeMmaRows][kMaxKeyGroups];    // of a rotated query's integers
  float sums[kDecodeMmaRows][kMaxKeyGroups];     // of a rotated query
  float offsets[kDecodeMmaRows][kMaxKeyGroups];  // -centre * step * the sum of the integers
  float tops[kDecodeWarps][kDecodeMmaRows], mass[kDecodeWarps][kDecodeMmaRows];
};

// All rows at once by all threads of the block, each as attention::rotate does it.
__device__ inline void rotate_rows(float (*rows)[kQueryStride], int size) {
  const int pairs = kDecodeMmaRows * size / 2;
  for (int span = 1; span < size; span *= 2) {
    for (int i = threadIdx.x; i < pairs; i += kDecodeThreads) {
      const int j = i % (size / 2), low = j / span * 2 * span + j % span;
      float* x = rows[i / (size / 2)];
      const float a = x[low], b = x[low + span];
      x[low] = a + b;
      x[low + span] = a - b;
    }
    __syncthreads();
  }
  const auto factor = static_cast<float>(1.0 / longtail::sqrt(static_cast<double>(size)));
  for (int i = threadIdx.x; i < kDecodeMmaRows * size; i += kDecodeThreads) {
    rows[i / size][i % size] *= factor;
  }
  __syncthreads();
}

// Queries of the block's rows, zeros where there is none, and what the mean of keys adds.
__device__ inline void load_mma_queries(const DecodeArguments& a, const DecodeRows& rows,
                                        const attention::ConstHead& head, DecodeMmaShared& s) {
  const CacheLayout& layout = a.layout;
  const int dim = layout.k_dim;
  const bool rotated = layout.format == KFormat::token_rotated && rows.packed > 0;
  read_queries(a, rows, s.q);
  if (!rotated) return;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int r = static_cast<int>(threadIdx.x / 32); r < kDecodeMmaRows; r += kDecodeWarps) {
    double bias = 0;
    for (int c = lane; c < dim; c += 32) {
      bias += static_cast<double>(s.q[r][c]) * static_cast<double>(head.mean[c]);
    }
    for (int bits = 16; bits > 0; bits /= 2) bias += __shfl_xor_sync(kWholeWarp, bias, bits);
    if (lane == 0) s.bias[r] = static_cast<float>(bias);
  }
  __syncthreads();
  rotate_rows(s.q, layout.k_channels());
}

// Up to 64 exact keys from token rows.packed on, two threads a key.
__device__ inline void exact_scores(const DecodeArguments& a, const DecodeRows& rows,
                                    const attention::ConstHead& head, DecodeMmaShared& s) {
  const int dim = a.layout.k_dim, key = static_cast<int>(threadIdx.x / 2);
  const int half = static_cast<int>(threadIdx.x % 2);
  float scores[kDecodeMmaRows] = {};
  if (rows.packed + key < rows.length) {
    for (int c = half; c < dim; c += 2) {
      const float x = read_element(head.tail, a.cache.dtype, std::int64_t{key} * dim + c);
      for (int r = 0; r < kDecodeMmaRows; ++r) scores[r] = longtail::fma(s.q[r][c], x, scores[r]);
    }
  }
  for (int r = 0; r < kDecodeMmaRows; ++r) {
    const float sum = scores[r] + __shfl_xor_sync(kWholeWarp, scores[r], 1);
    if (half == 0) s.exact[r][key] = sum;
  }
  __syncthreads();
}

// A lane's integers of row g, for 32 channels a step, of one tile of K format "channel".
template <int Bits, int Steps>
struct Queries {
  Numbers<Bits> of[Steps];
};

__device__ inline void read_eight(const float* from, float (&x)[8]) {
  const auto* both = reinterpret_cast<const FourFloats*>(from);
  for (int i = 0; i < 8; ++i) x[i] = both[i / 4].of[i % 4];
}

// Of rotated queries, once for all tiles, by groups of channels, which the warps share.
template <int Bits>
__device__ void round_rotated(const CacheLayout& layout, const Lane& lane, DecodeMmaShared& s) {
  const int width = layout.k_width(), group = layout.group;
  const float* q = s.q[lane.g] + 8 * lane.t;
  for (int index = lane.warp; index * group < width; index += kDecodeWarps) {
    const int first = index * group, end = first + group < width ? first + group : width;
    float largest = 0, sum = 0, x[8];
    for (int c = first; c < end; c += 32) {
      read_eight(q + c, x);
      for (int i = 0; i < 8; ++i) {
        largest = longtail::max(longtail::abs(x[i]), largest);
        sum += x[i];
      }
    }
    const Rounding rounding(largest_of_row(largest), attention::kLargestQuery<Bits>);
    int total = 0;
    for (int c = first; c < end; c += 32) {
      read_eight(q + c, x);
      const auto numbers = round_eight<Bits>(x, rounding.inverse, total);
      for (int plane = 0; plane < kPlanes<Bits>; ++plane) {
        s.rounded[plane][lane.g][c / 8 + lane.t] = numbers.of[plane];
      }
    }
    const auto whole = static_cast<float>(sum_of_row(total));
    sum = sum_of_row(sum);
    if (lane.t == 0) {
      s.steps[lane.g][index] = rounding.step;
      s.sums[lane.g][index] = sum;
      s.offsets[lane.g][index] = -attention::CodeFormat<Bits>::kCentre * (rounding.step * whole);
    }
  }
}

// Of a tile of K format "channel": queries times the scales of the channels.
struct TileRounding {
  float step, offset;  // score = step * dot + offset
};
template <int Bits, int Steps>
__device__ TileRounding round_scaled(const std::uint32_t* grids, int width, const Lane& lane,
                                     const DecodeMmaShared& s, Queries<Bits, Steps>& to) {
  const float* q = s.q[lane.g] + 8 * lane.t;
  float largest = 0, x[8];
  LONGTAIL_UNROLL
  for (int step = 0; step < Steps; ++step) {
    if (32 * step >= width) break;
    read_eight(q + 32 * step, x);
    for (int i = 0; i < 8; i += 4) {
      const FourWords words = load_four(grids + 32 * step + 8 * lane.t + i);
      for (int j = 0; j < 4; ++j) {
        const auto grid = static_cast<std::int32_t>(words.of[j]);
        const float each = longtail::abs(x[i + j]) * attention::grid_scale<float>(grid);
        largest = longtail::max(each, largest);
      }
    }
  }
  const Rounding rounding(largest_of_row(largest), attention::kLargestQuery<Bits>);
  float offset = 0;
  int total = 0;
  LONGTAIL_UNROLL
  for (int step = 0; step < Steps; ++step) {
    if (32 * step >= width) break;
    read_eight(q + 32 * step, x);
    for (int i = 0; i < 8; i += 4) {
      const FourWords words = load_four(grids + 32 * step + 8 * lane.t + i);
      for (int j = 0; j < 4; ++j) {
        const auto grid = static_cast<std::int32_t>(words.of[j]);
        x[i + j] *= attention::grid_scale<float>(grid);
        offset = longtail::fma(x[i + j], attention::centred_zero<Bits, float>(grid), offset);
      }
    }
    to.of[step] = round_eight<Bits>(x, rounding.inverse, total);
  }
  const float back = -attention::CodeFormat<Bits>::kCentre * rounding.step;
  offset = sum_of_row(longtail::fma(static_cast<float>(total), back, offset));
  return {rounding.step, offset};
}

// The products of a step: of keys 32 h + 4 g + 2 m (+ 1), for h and m 0 and 1.
template <int Bits>
__device__ inline void dot_keys(const std::uint32_t* codes, int step, const Lane& lane,
                                const Numbers<Bits>& q, Dots<Bits> (&dots)[2][2]) {
  for (int h = 0; h < 2; ++h) {
    FragmentA keys[2];
    load_codes<Bits>(codes + 32 * h, kTileTokens, step, lane, keys);
    for (int m = 0; m < 2; ++m) dots[h][m].template add<true>(keys[m], q);
  }
}

// Key 32 h + 4 g + k of column 2 t + i is scores[h][k][i].
using LaneScores = float[2][4][2];

template <int Bits, int Steps>
__device__ void channel_scores(const std::uint32_t* codes, const std::uint32_t* grids, int width,
                               const Lane& lane, const DecodeMmaShared& s, LaneScores& scores) {
  Queries<Bits, Steps> q;
  const TileRounding rounding = round_scaled<Bits, Steps>(grids, width, lane, s, q);
  Dots<Bits> dots[2][2];
  LONGTAIL_UNROLL
  for (int step = 0; step < Steps; ++step) {
    if (32 * step >= width) break;
    dot_keys<Bits>(codes, step, lane, q.of[step], dots);
  }
  for (int i = 0; i < 2; ++i) {
    const float step = lane.to_column(rounding.step, i);
    const float offset = lane.to_column(rounding.offset, i);
    for (int h = 0; h < 2; ++h) {
      for (int k = 0; k < 4; ++k) {
        scores[h][k][i] = longtail::fma(dots[h][k / 2].sum(k % 2 * 2 + i), step, offset);
      }
    }
  }
}

template <int Bits, int Steps>
__device__ void rotated_scores(const std::uint32_t* codes, const std::uint32_t* grids,
                               const CacheLayout& layout, const Lane& lane,
                               const DecodeMmaShared& s, LaneScores& scores) {
  const int width = layout.k_width(), group = layout.group;
  for (int h = 0; h < 2; ++h) {
    for (int k = 0; k < 4; ++k) {
      for (int i = 0; i < 2; ++i) scores[h][k][i] = s.bias[2 * lane.t + i];
    }
  }
  Dots<Bits> dots[2][2];
  LONGTAIL_UNROLL
  for (int step = 0; step < Steps; ++step) {
    if (32 * step >= width) break;
    Numbers<Bits> q;
    for (int plane = 0; plane < kPlanes<Bits>; ++plane) {
      q.of[plane] = s.rounded[plane][lane.g][4 * step + lane.t];
    }
    dot_keys<Bits>(codes, step, lane, q, dots);
    const int next = 32 * step + 32;
    if (next % group != 0 && next < width) continue;
    const int index = 32 * step / group;
    for (int h = 0; h < 2; ++h) {
      const FourWords words = load_four(grids + index * kTileTokens + 32 * h + 4 * lane.g);
      for (int k = 0; k < 4; ++k) {
        const auto grid = static_cast<std::int32_t>(words.of[k]);
        const float scale = attention::grid_scale<float>(grid);
        const float zero = attention::centred_zero<Bits, float>(grid);
        for (int i = 0; i < 2; ++i) {
          const int row = 2 * lane.t + i;
          const float beside = longtail::fma(zero, s.sums[row][index], s.offsets[row][index]);
          const float part =
              longtail::fma(dots[h][k / 2].sum(k % 2 * 2 + i), s.steps[row][index], beside);
          scores[h][k][i] = longtail::fma(scale, part, scores[h][k][i]);
        }
      }
      dots[h][0] = dots[h][1] = {};
    }
  }
}

// Of a tile that has codes, to `to`, without masks.
template <int Bits, int Steps>
__device__ void coded_scores(const DecodeArguments& a, const attention::ConstHead& head,
                             std::int64_t tile, const Lane& lane, const DecodeMmaShared& s,
                             TileScores& to) {
  const std::uint32_t* codes = head.k_codes + tile * a.layout.k_codes();
  const std::uint32_t* grids = head.k_grids + tile * a.layout.k_grids();
  LaneScores scores;
  if (a.layout.format == KFormat::channel) {
    channel_scores<Bits, Steps>(codes, grids, a.layout.k_width(), lane, s, scores);
  } else {
    rotated_scores<Bits, Steps>(codes, grids, a.layout, lane, s, scores);
  }
  for (int h = 0; h < 2; ++h) {
    for (int i = 0; i < 2; ++i) {
      FourFloats four;
      for (int k = 0; k < 4; ++k) four.of[k] = scores[h][k][i];
      *reinterpret_cast<FourFloats*>(to[2 * lane.t + i] + 32 * h + 4 * lane.g) = four;
    }
  }
}

}  // namespace longtail::cuda
