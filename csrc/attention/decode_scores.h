#pragma once
// Scores of up to four rows over one tile of 64 keys.

#include "attention/cache_math.h"
#include "attention/decode_dot.h"
#include "attention/decode_level.h"  // after those, which open the level's namespace
#include "core/element_lanes.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// One over the step of queries whose largest is `largest`, and the step; both 0 below the least
/// that matters, where an inverse would overflow.
template <int Bits>
LONGTAIL_INLINE float query_inverse(float largest) {
  return largest > kSmallestScale ? kLargestQuery<Bits> / largest : 0.0f;
}
template <int Bits>
LONGTAIL_INLINE float query_step(float largest) {
  return largest > kSmallestScale ? largest / kLargestQuery<Bits> : 0.0f;
}

/// Vectors of tokens that the inner loops keep sums for: as many as registers allow.
inline constexpr int kTokenVectors = kVectorBytes == 64 ? 4 : kVectorBytes == 32 ? 2 : 4;

/// Asks for words that will be read two tiles later. Hardware does so only up to the end of a page,
/// and a tile of codes is one.
template <int Words>
LONGTAIL_INLINE void fetch_ahead(const std::uint32_t* words, std::int64_t distance) {
  for (int w = 0; w < Words; w += 16) __builtin_prefetch(words + distance + w);
}

/// dots[r][u] += rows' rounded queries . codes of the words [0, words) x [vectors of tokens].
template <int Bits, int R>
LONGTAIL_INLINE void dot_keys(const std::uint32_t* codes, int words, std::int64_t ahead,
                              const std::int32_t* queries, int stride,
                              I (&dots)[R][kTokenVectors]) {
  for (int m = 0; m < words; ++m) {
    fetch_ahead<kTokenVectors * kWide>(codes + m * kTileTokens, ahead);
    I word[kTokenVectors];
    for (int u = 0; u < kTokenVectors; ++u) {
      word[u] = load_int(codes + m * kTileTokens + u * kWide);
    }
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      I part[kTokenVectors];
      for (int u = 0; u < kTokenVectors; ++u) part[u] = codes_of<Bits>(word[u], j);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const I query(queries[r * stride + 2 * m + j]);
        for (int u = 0; u < kTokenVectors; ++u) {
          dots[r][u] = dot_queries<Bits>(dots[r][u], part[u], query);
        }
      }
    }
  }
}

/// K format "channel": the scales of the 64 tokens' channels go into the queries, which are then
/// rounded: s_j = step codes . (c_j - centre) + q . (scale (zero + centre)). Codes counted from
/// their centre, so that what rounding takes from q is not multiplied by their mean.
template <int Bits, int R>
struct TileQueries {
  static constexpr int kWords = kMaxHeadDim / CodeFormat<Bits>::kPerLane + kWide;
  alignas(64) std::int32_t words[R][kWords];
  float step[R], offset[R];
};

/// The largest of every row's queries times scales. Apart from what needs it, since that waits for
/// its result, where this can go on with the next tile.
template <int R>
LONGTAIL_INLINE void largest_queries(const SplitJob& job, const std::uint32_t* grids,
                                     float* largest) {
  const int width = job.layout.k_width();
  F tops[R];
  for (int r = 0; r < R; ++r) tops[r] = F(0.0f);
  for (int c = 0; c < width; c += kWide) {
    fetch_ahead<kWide>(grids + c, 2 * width);
    const F scale = grid_scale<F>(load_int(grids + c));
    for (int r = 0; r < R; ++r) {
      tops[r] = max(F(abs(load<F>(job.queries.q + r * width + c)) * scale), tops[r]);
    }
  }
  for (int r = 0; r < R; ++r) largest[r] = largest_of(tops[r]);
}

// A function, not inlined, so that the sums of dot_keys have all registers.
template <int Bits, int R>
[[gnu::noinline]] void round_queries(const SplitJob& job, const std::uint32_t* grids,
                                     const float* largest, TileQueries<Bits, R>& to) {
  constexpr int lane = CodeFormat<Bits>::kPerLane;
  const int width = job.layout.k_width();
  F inverse[R], offsets[R];
  I totals[R];
  for (int r = 0; r < R; ++r) {
    inverse[r] = F(query_inverse<Bits>(largest[r]));
    to.step[r] = query_step<Bits>(largest[r]);
    offsets[r] = F(0.0f);
    totals[r] = I(0);
  }
  for (int c = 0; c < width; c += kPacked<Bits>) {
    F scale[lane], zero[lane];
    for (int i = 0; i < lane; ++i) {
      const I word = c + i * kWide < width ? load_int(grids + c + i * kWide) : I(0);
      scale[i] = grid_scale<F>(word);
      zero[i] = centred_zero<Bits, F>(word);
    }
    for (int r = 0; r < R; ++r) {
      I whole[lane];
      for (int i = 0; i < lane; ++i) {
        const float* from = job.queries.q + r * width + c + i * kWide;
        const F q = c + i * kWide < width ? F(load<F>(from) * scale[i]) : F(0.0f);
        whole[i] = nearest(q * inverse[r]);
        offsets[r] = fma(q, zero[i], offsets[r]);
      }
      const I packed = pack_queries(whole);
      store_int(to.words[r] + c / lane, packed);
      totals[r] = dot_queries<Bits>(totals[r], I(kOnes<Bits>), packed);
    }
  }
  for (int r = 0; r < R; ++r) {
    const F back(-CodeFormat<Bits>::kCentre * to.step[r]);
    to.offset[r] = sum_of(fma(F(to_real(totals[r])), back, offsets[r]));
  }
}

template <int Bits, int R>
LONGTAIL_INLINE void channel_scores(const SplitJob& job, const std::uint32_t* codes,
                                    const std::uint32_t* grids, const float* largest,
                                    float (*scores)[kTileTokens]) {
  TileQueries<Bits, R> queries;
  round_queries<Bits, R>(job, grids, largest, queries);
  for (int t = 0; t < kTileTokens; t += kTokenVectors * kWide) {
    I dots[R][kTokenVectors] = {};
    dot_keys<Bits, R>(codes + t, job.layout.k_width() / CodeFormat<Bits>::kPerWord,
                      2 * job.layout.k_codes(), queries.words[0], queries.kWords, dots);
    for (int r = 0; r < R; ++r) {
      const F step(queries.step[r]), offset(queries.offset[r]);
      for (int u = 0; u < kTokenVectors; ++u) {
        store(scores[r] + t + u * kWide, F(fma(F(to_real(dots[r][u])), step, offset)));
      }
    }
  }
}

/// K format "token_rotated": s_j = q . mean + sum over groups of scale_j (step codes . (c_j -
/// centre) + (zero_j + centre) sum(q)).
template <int Bits, int R>
LONGTAIL_INLINE void token_scores(const SplitJob& job, const std::uint32_t* codes,
                                  const std::uint32_t* grids, float (*scores)[kTileTokens]) {
  constexpr int n = CodeFormat<Bits>::kPerWord, lane = CodeFormat<Bits>::kPerLane;
  const int width = job.layout.k_width(), group = job.layout.group;
  for (int t = 0; t < kTileTokens; t += kTokenVectors * kWide) {
    for (int first = 0, g = 0; first < width; first += group, ++g) {
      const int end = first + group < width ? first + group : width;
      I dots[R][kTokenVectors] = {};
      dot_keys<Bits, R>(codes + first / n * kTileTokens + t, (end - first) / n,
                        2 * job.layout.k_codes(), job.queries.codes + first / lane, width / lane,
                        dots);
      F scale[kTokenVectors], zero[kTokenVectors];
      for (int u = 0; u < kTokenVectors; ++u) {
        const std::uint32_t* from = grids + g * kTileTokens + t + u * kWide;
        fetch_ahead<kWide>(from, 2 * job.layout.k_grids());
        scale[u] = grid_scale<F>(load_int(from));
        zero[u] = centred_zero<Bits, F>(load_int(from));
      }
      for (int r = 0; r < R; ++r) {
        const int at = r * kMaxGroups + g;
        const F step(job.queries.steps[at]), sum(job.queries.sums[at]);
        const F offset(job.queries.offsets[at]), bias(job.queries.bias[r]);
        for (int u = 0; u < kTokenVectors; ++u) {
          float* score = scores[r] + t + u * kWide;
          const F part = fma(F(to_real(dots[r][u])), step, F(fma(zero[u], sum, offset)));
          store(score, F(fma(scale[u], part, g == 0 ? bias : load<F>(score))));
        }
      }
    }
  }
}

/// Exact keys [count, k_dim].
template <class E>
LONGTAIL_INLINE void exact_scores(const SplitJob& job, int count, float (*scores)[kTileTokens]) {
  const int dim = job.layout.k_dim, width = job.layout.k_width();
  const E* tail = reinterpret_cast<const E*>(job.head.tail);
  alignas(64) float key[kMaxHeadDim] = {};
  for (int t = 0; t < count; ++t) {
    for (int c = 0; c < dim; ++c) key[c] = widen<float>(tail[t * dim + c]);
    for (int r = 0; r < job.rows; ++r) {
      F sum(0.0f);
      for (int c = 0; c < width; c += kWide) {
        sum = fma(load<F>(job.queries.q + r * width + c), load<F>(key + c), sum);
      }
      scores[r][t] = sum_of(sum);
    }
  }
}

/// Adds the mask, and -inf to what row r does not see of the tokens [begin, begin + 64); returns
/// the largest score.
LONGTAIL_INLINE float restrict_scores(const SplitJob& job, int r, std::int64_t begin,
                                      float* scores) {
  const std::int64_t rest = job.visible[r] - begin;
  const int seen = rest < 0 ? 0 : rest < kTileTokens ? static_cast<int>(rest) : kTileTokens;
  if (const float* mask = job.mask[r]) {
    const std::int64_t stride = job.mask_stride;
    for (int t = 0; t < seen; ++t) scores[t] += mask[(begin + t) * stride];
  }
  for (int t = seen; t < kTileTokens; ++t) scores[t] = -kInfinity<float>;
  F top = load<F>(scores);
  for (int t = kWide; t < kTileTokens; t += kWide) top = max(load<F>(scores + t), top);
  return largest_of(top);
}

/// All of the above but largest_queries for the tile that starts at token `begin`; the largest
/// score of each row.
template <int Bits, int R>
[[gnu::noinline]] void tile_scores(const SplitJob& job, std::int64_t begin, const float* largest,
                                   float (*scores)[kTileTokens], float* tops) {
  const std::int64_t tile = begin / kTileTokens;
  if (begin < job.packed) {
    const std::uint32_t* codes = job.head.k_codes + tile * job.layout.k_codes();
    const std::uint32_t* grids = job.head.k_grids + tile * job.layout.k_grids();
    if (job.layout.format == KFormat::channel) {
      channel_scores<Bits, R>(job, codes, grids, largest, scores);
    } else {
      token_scores<Bits, R>(job, codes, grids, scores);
    }
  } else {
    const auto count = static_cast<int>(job.end - begin);
    if (job.tail_type == 0) exact_scores<float>(job, count, scores);
    if (job.tail_type == 1) exact_scores<float16>(job, count, scores);
    if (job.tail_type == 2) exact_scores<bfloat16>(job, count, scores);
  }
  for (int r = 0; r < R; ++r) tops[r] = restrict_scores(job, r, begin, scores[r]);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
