#pragma once
// Weights exp(score - top) of up to four rows, and their sums over one tile of 64 values.

#include "attention/cache_math.h"
#include "attention/decode_dot.h"
#include "attention/decode_level.h"  // after those, which open the level's namespace
#include "attention/decode_scores.h"
#include "core/exp.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// e^x for x <= 0 with a relative error of 2^-22; 0 below -87, where a float would be subnormal.
LONGTAIL_INLINE F exp_weight(F x) {
  const F safe = max(x, F(-87.0f));
  const F n = rint(F(safe * F(0x1.715476p0f)));
  const F r = fma(n, F(-Format<float>::ln2_low), F(fma(n, F(-Format<float>::ln2_high), safe)));
  const F tail = fma(r, exp_cubic(r), F(0.5f));
  const F y = scale(F(fma(F(r * r), tail, r) + F(1.0f)), n);
  return select(x < F(-87.0f), F(0.0f), y);
}

/// The sums of a split: float32, per tile one addition.
template <int R>
struct SplitSums {
  float (*values)[kMaxHeadDim];  // [R]: sum of p scale code
  F zeros[R][kMaxGroups];        // lanes of what each channel of a group has beside it
  F mass[R];                     // lanes
};

/// Vectors of channels that the inner loop keeps sums for; they share a group.
inline constexpr int kChannelVectors = kVectorBytes == 16 ? 4 : 2;

/// A row's weights of 64 tokens as dot products take them.
template <int Bits>
using TileWeights = std::int32_t[kTileTokens / CodeFormat<Bits>::kPerLane];

/// sums[r][c] += factor[r] (weights[r] . codes of channel c) for the channels [first, end).
template <int Bits, int R>
LONGTAIL_INLINE void add_values(const std::uint32_t* codes, int width, int words, int first,
                                int end, const TileWeights<Bits>* weights, const float* factor,
                                float (*sums)[kMaxHeadDim]) {
  constexpr int n = CodeFormat<Bits>::kPerWord;
  for (int c = first; c < end; c += kChannelVectors * kWide) {
    I dots[R][kChannelVectors] = {};
    for (int o = 0; o < words; ++o) {
      const std::uint32_t* row = codes + o * width + c;
      fetch_ahead<kChannelVectors * kWide>(row, kTileTokens / n * 2 * width);
      I word[kChannelVectors];
      for (int u = 0; u < kChannelVectors; ++u) word[u] = load_int(row + u * kWide);
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        I part[kChannelVectors];
        for (int u = 0; u < kChannelVectors; ++u) part[u] = codes_of<Bits>(word[u], j);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
          const I weight(weights[r][2 * o + j]);
          for (int u = 0; u < kChannelVectors; ++u) {
            dots[r][u] = dot_weights<Bits>(dots[r][u], part[u], weight);
          }
        }
      }
    }
    for (int r = 0; r < R; ++r) {
      for (int u = 0; u < kChannelVectors; ++u) {
        float* to = sums[r] + c + u * kWide;
        store(to, F(fma(F(to_real(dots[r][u])), F(factor[r]), load<F>(to))));
      }
    }
  }
}

/// Rounds weights p times the scales of a group of values, 64 tokens with a grid each; steps[r] is
/// the row's largest product over kLargestWeight, so that a token of large values but no weight,
/// beside the sink of a softmax, say, costs nothing. zeros[r] takes the sum of p scale (zero +
/// centre), less centre times that of the rounded weights: rounding errors then meet codes counted
/// from their centre. False, and nothing done, if all of it is too small to be told from zero.
template <int Bits, int R>
LONGTAIL_INLINE bool round_weights(const std::uint32_t* grids, const float (*p)[kTileTokens],
                                   TileWeights<Bits>* weights, float (&steps)[R], F (&zeros)[R]) {
  constexpr int lane = CodeFormat<Bits>::kPerLane;
  F tops[R], inverse[R];
  I total[R];
  for (int r = 0; r < R; ++r) tops[r] = zeros[r] = F(0.0f), total[r] = I(0);
  for (int t = 0; t < kTileTokens; t += kWide) {
    const F scale = grid_scale<F>(load_int(grids + t));
    for (int r = 0; r < R; ++r) tops[r] = max(F(load<F>(p[r] + t) * scale), tops[r]);
  }
  bool any = false;
  for (int r = 0; r < R; ++r) {
    const float largest = largest_of(tops[r]);
    const bool worth = largest > kSmallestScale;
    any |= worth;
    steps[r] = worth ? largest / kLargestWeight<Bits> : 0.0f;
    inverse[r] = F(worth ? kLargestWeight<Bits> / largest : 0.0f);
  }
  if (!any) return false;
  for (int t = 0; t < kTileTokens; t += kPacked<Bits>) {
    F scale[lane], zero[lane];
    for (int i = 0; i < lane; ++i) {
      const I word = load_int(grids + t + i * kWide);
      scale[i] = grid_scale<F>(word);
      zero[i] = centred_zero<Bits, F>(word);
    }
    for (int r = 0; r < R; ++r) {
      I whole[lane];
      for (int i = 0; i < lane; ++i) {
        const F each = load<F>(p[r] + t + i * kWide) * scale[i];
        whole[i] = nearest(each * inverse[r]);
        zeros[r] = fma(each, zero[i], zeros[r]);
      }
      const I packed = pack_weights(whole);
      store_int(weights[r] + t / lane, packed);
      total[r] = dot_weights<Bits>(total[r], I(kOnes<Bits>), packed);
    }
  }
  for (int r = 0; r < R; ++r) {
    const F back(-CodeFormat<Bits>::kCentre * steps[r]);
    zeros[r] = fma(F(to_real(total[r])), back, zeros[r]);
  }
  return true;
}

/// Adds the tile at token `begin`. scores[r] are its scores and become weights relative to the
/// tile's own largest, tile_tops[r]; relative[r] is the weight of that one in the split.
template <int Bits, int R>
[[gnu::noinline]] void tile_values(const SplitJob& job, std::int64_t begin,
                                   float (*scores)[kTileTokens], const float* tile_tops,
                                   const float* relative, SplitSums<R>& sums) {
  constexpr int n = CodeFormat<Bits>::kPerWord;
  const CacheLayout& layout = job.layout;
  const std::int64_t tile = begin / kTileTokens;
  const std::uint32_t* codes = job.head.v_codes + tile * layout.v_codes();
  const std::uint32_t* grids = job.head.v_grids + tile * layout.v_grids();
  const std::int64_t rest = job.end - begin;
  const int count = rest < kTileTokens ? static_cast<int>(rest) : kTileTokens;
  const int width = layout.v_width(), group = layout.group, groups = layout.v_groups();
  alignas(64) std::uint32_t there[kMaxGroups * kTileTokens];
  if (count < kTileTokens) {  // the rest is whatever was left there
    for (int i = 0; i < groups * kTileTokens; ++i) {
      there[i] = i % kTileTokens < count ? grids[i] : 0;
    }
    grids = there;
  } else {
    for (int g = 0; g < groups; ++g) {
      fetch_ahead<kTileTokens>(grids + g * kTileTokens, 2 * layout.v_grids());
    }
  }
  bool any_seen = false;
  for (int r = 0; r < R; ++r) {
    const bool seen = tile_tops[r] > -kInfinity<float>;
    any_seen |= seen;
    const F top(seen ? tile_tops[r] : 0.0f);
    F mass(0.0f);
    for (int t = 0; t < kTileTokens; t += kWide) {
      const F p = exp_weight(load<F>(scores[r] + t) - top);
      store(scores[r] + t, p);
      mass = mass + p;
    }
    sums.mass[r] = fma(mass, F(relative[r]), sums.mass[r]);
  }
  if (!any_seen) return;

  alignas(64) TileWeights<Bits> weights[R];
  for (int first = 0, g = 0; first < width; first += group, ++g) {
    F of_zeros[R];
    float factor[R];
    if (!round_weights<Bits, R>(grids + g * kTileTokens, scores, weights, factor, of_zeros)) {
      continue;
    }
    for (int r = 0; r < R; ++r) {
      factor[r] *= relative[r];
      sums.zeros[r][g] = fma(of_zeros[r], F(relative[r]), sums.zeros[r][g]);
    }
    const int end = first + group < width ? first + group : width;
    add_values<Bits, R>(codes, width, (count + n - 1) / n, first, end, weights, factor,
                        sums.values);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
