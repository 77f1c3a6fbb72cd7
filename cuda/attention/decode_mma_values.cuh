// Weights of up to 8 rows and their sums over a tile of 64 values by a warp's tensor cores:
// channels are the rows of the products, weights their columns. The arithmetic is that of
// csrc/attention/decode_values.h.
#pragma once

#include "core/exp.h"
#include "cuda/attention/decode_mma_scores.cuh"

namespace longtail::cuda {

// What a warp has summed: of column 2 t + i, channels 32 step + 4 g + k; of row g, a quarter.
template <int Steps>
struct WarpSums {
  float values[Steps][4][2] = {};
  float zeros[Steps] = {};  // what all channels of a group have, at its first step
  float top = -INFINITY, mass = 0;
};

// Tokens 32 half + 8 t + i of row g, a lane's share.
using LaneWeights = float[2][8];

// What a lane needs to know of row g beside its scores. Tokens are counted from the split's first.
struct RowLimits {
  int visible;
  const float* masks;  // or null
  std::int64_t mask_stride;

  __device__ RowLimits(const DecodeArguments& a, const DecodeRows& rows, int r, std::int64_t begin)
      : mask_stride(a.call.mask_stride[3]) {
    const std::int64_t seen = rows.visible(a, r) - begin;
    visible = static_cast<int>(seen < kDecodeSplit ? seen > 0 ? seen : 0 : kDecodeSplit);
    masks = rows.masks(a, r);
    if (masks != nullptr) masks += begin * mask_stride;
  }
};

// Scores to weights relative to the new top; the factor for what is summed already.
template <int Steps>
__device__ float weigh(const TileScores& scores, int begin, const RowLimits& row, const Lane& lane,
                       LaneWeights& p, WarpSums<Steps>& sums) {
  float largest = sums.top;
  for (int half = 0; half < 2; ++half) {
    const int first = 32 * half + 8 * lane.t;
    read_eight(scores[lane.g] + first, p[half]);
    for (int i = 0; i < 8; ++i) {
      const int token = begin + first + i;
      const bool seen = token < row.visible;
      if (seen && row.masks != nullptr) p[half][i] += row.masks[token * row.mask_stride];
      if (!seen) p[half][i] = -INFINITY;
      largest = longtail::max(p[half][i], largest);
    }
  }
  const float top = largest_of_row(largest);
  const float shrink = sums.top > -INFINITY ? longtail::exp(sums.top - top) : 0.0f;
  float mass = 0;
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 8; ++i) {
      p[half][i] = p[half][i] > -INFINITY ? longtail::exp(p[half][i] - top) : 0.0f;
      mass += p[half][i];
    }
  }
  sums.top = top;
  sums.mass = longtail::fma(sums.mass, shrink, mass);
  return shrink;
}

// Weights times the scales of a group of values, as integers. `zeros` takes the lane's share of
// what belongs to all channels of the group: p scale (zero + centre), less centre times what the
// integers stand for. Tokens from `count` on have no grid.
template <int Bits>
__device__ inline float round_weights(const std::uint32_t* grids, int count, const Lane& lane,
                                      const LaneWeights& p, Numbers<Bits> (&to)[2], float& zeros) {
  LaneWeights scaled;
  float largest = 0, beside = 0;
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 8; i += 4) {
      const int first = 32 * half + 8 * lane.t + i;
      const FourWords words = load_four(grids + first);
      for (int j = 0; j < 4; ++j) {
        const auto grid = first + j < count ? static_cast<std::int32_t>(words.of[j]) : 0;
        const float each = p[half][i + j] * attention::grid_scale<float>(grid);
        scaled[half][i + j] = each;
        largest = longtail::max(each, largest);
        beside = longtail::fma(each, attention::centred_zero<Bits, float>(grid), beside);
      }
    }
  }
  const Rounding rounding(largest_of_row(largest), attention::kLargestWeight<Bits>);
  int total = 0;
  for (int half = 0; half < 2; ++half) {
    to[half] = round_eight<Bits>(scaled[half], rounding.inverse, total);
  }
  const float back = -attention::CodeFormat<Bits>::kCentre * rounding.step;
  zeros += longtail::fma(static_cast<float>(total), back, rounding.step > 0 ? beside : 0.0f);
  return rounding.step;
}

// Adds a tile, whose first `count` tokens are there.
template <int Bits, int Steps>
__device__ void add_values(const DecodeArguments& a, const attention::ConstHead& head,
                           std::int64_t tile, int count, const Lane& lane, const LaneWeights& p,
                           float shrink, WarpSums<Steps>& sums) {
  const CacheLayout& layout = a.layout;
  const int width = layout.v_width(), group = layout.group;
  const std::uint32_t* codes = head.v_codes + tile * layout.v_codes();
  const std::uint32_t* grids = head.v_grids + tile * layout.v_grids();
  const float shrinks[2] = {lane.to_column(shrink, 0), lane.to_column(shrink, 1)};
  Numbers<Bits> weights[2];
  float factors[2] = {};  // of the first step on, which begins a group
  LONGTAIL_UNROLL
  for (int step = 0; step < Steps; ++step) {
    if (32 * step >= width) break;
    if (32 * step % group == 0) {
      sums.zeros[step] *= shrink;
      const float factor = round_weights<Bits>(grids + 32 * step / group * kTileTokens, count, lane,
                                               p, weights, sums.zeros[step]);
      for (int i = 0; i < 2; ++i) factors[i] = lane.to_column(factor, i);
    }
    Dots<Bits> dots[2];
    for (int half = 0; half < 2; ++half) {
      FragmentA values[2];
      load_codes<Bits>(codes + 32 * step, width, half, lane, values);
      for (int m = 0; m < 2; ++m) dots[m].template add<false>(values[m], weights[half]);
    }
    for (int k = 0; k < 4; ++k) {
      for (int i = 0; i < 2; ++i) {
        sums.values[step][k][i] = longtail::fma(dots[k / 2].sum(k % 2 * 2 + i), factors[i],
                                                sums.values[step][k][i] * shrinks[i]);
      }
    }
  }
}

}  // namespace longtail::cuda
