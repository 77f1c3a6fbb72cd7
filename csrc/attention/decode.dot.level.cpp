// Decode over a quantised cache, compiled once per CPU level.
//
// What bounds it, for 4 bits, D = 128 and 4 rows (heads of a group) a cache head: a tile of 64
// tokens is 4 KiB of K codes, 4 KiB of V codes and 0.5 + 1 KiB of grids, 5 bits a value: at
// L = 32768 and 8 heads 40 MB, 1.1 ms at the 35 GB/s that one core reads. Its 2 * 64 * 128 * 4
// products are 1024 vpdpbusd, two a cycle: 512 cycles, 0.5 ms at 4 GHz. Measured on a Zen 5, 1600
// cycles: 500 in those two loops (their 384 shifts and masks, the loads and the prefetches run
// beside), 270 for rounding weights, 160 for rounding queries, 150 for exponentials, 40 for adding
// results; the rest is joins of lanes, and what a split and a call begin and end with.

#include "attention/decode_scores.h"
#include "attention/decode_values.h"
#include "core/log.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {
namespace {

/// The codes of a rotated query, a group of channels at a time.
template <int Bits>
LONGTAIL_INLINE void round_row(const CacheLayout& layout, std::int64_t row, const QueryRows& to) {
  constexpr int lane = CodeFormat<Bits>::kPerLane;
  const int width = layout.k_width();
  alignas(64) std::int32_t words[kMaxHeadDim / lane + kWide];
  for (int first = 0, g = 0; first < width; first += layout.group, ++g) {
    const int count = layout.group < width - first ? layout.group : width - first;
    const float* q = to.q + row * width + first;
    F sum(0.0f), top(0.0f);
    for (int c = 0; c < count; c += kWide) {
      sum = sum + load<F>(q + c);
      top = max(abs(load<F>(q + c)), top);
    }
    const float largest = largest_of(top), step = query_step<Bits>(largest);
    const F inverse(query_inverse<Bits>(largest));
    I total(0);
    for (int c = 0; c < count; c += kPacked<Bits>) {
      I whole[lane];
      for (int i = 0; i < lane; ++i) {
        const int at = c + i * kWide;
        whole[i] = at < count ? nearest(load<F>(q + at) * inverse) : I(0);
      }
      const I packed = pack_queries(whole);
      store_int(words + c / lane, packed);
      total = dot_queries<Bits>(total, I(kOnes<Bits>), packed);
    }
    __builtin_memcpy(to.codes + (row * width + first) / lane, words, count / lane * sizeof(*words));
    const std::int64_t at = row * kMaxGroups + g;
    to.steps[at] = step;
    to.sums[at] = sum_of(sum);
    to.offsets[at] = -CodeFormat<Bits>::kCentre * (step * sum_of(to_real(total)));
  }
}

template <class E>
void prepare(const PrepareJob& job) {
  const CacheLayout& layout = job.layout;
  const int dim = layout.k_dim, width = layout.k_width();
  const bool rotated = layout.format == KFormat::token_rotated && job.mean != nullptr;
  for (std::int64_t r = 0; r < job.rows; ++r) {
    const E* from = reinterpret_cast<const E*>(job.q) + r * dim;
    float* q = job.to.q + r * width;
    for (int c = 0; c < dim; ++c) q[c] = widen<float>(from[c]) * job.scale;
    for (int c = dim; c < width; ++c) q[c] = 0;
    job.to.bias[r] = 0;
    if (!rotated) continue;
    double bias = 0;
    for (int c = 0; c < dim; ++c) bias += static_cast<double>(q[c]) * job.mean[c];
    job.to.bias[r] = static_cast<float>(bias);
    rotate(q, layout.k_channels());
    layout.bits == 4 ? round_row<4>(layout, r, job.to) : round_row<8>(layout, r, job.to);
  }
}

/// The largest score of each row, and what the largest of each tile weighs beside it.
template <int R>
LONGTAIL_INLINE void split_tops(const float (*tile_tops)[R], int count, float* tops,
                                float (*relative)[R]) {
  constexpr int tiles = kSplitTokens / kTileTokens;
  for (int r = 0; r < R; ++r) {
    tops[r] = -kInfinity<float>;
    for (int i = 0; i < count; ++i) tops[r] = max(tile_tops[i][r], tops[r]);
    alignas(64) float each[tiles];
    for (int i = 0; i < tiles; ++i) {
      const bool seen = i < count && tile_tops[i][r] > -kInfinity<float>;
      each[i] = seen ? tile_tops[i][r] - tops[r] : -kInfinity<float>;
    }
    for (int i = 0; i < tiles; i += kWide) store(each + i, exp_weight(load<F>(each + i)));
    for (int i = 0; i < count; ++i) relative[i][r] = each[i];
  }
}

template <int Bits, int R>
void split_rows(const SplitJob& job) {
  constexpr int tiles = kSplitTokens / kTileTokens;
  alignas(64) float scores[tiles][R][kTileTokens];
  alignas(64) float values[R][kMaxHeadDim] = {};
  float tile_tops[tiles][R];
  float largest[tiles][R];
  const auto count = static_cast<int>((job.end - job.begin + kTileTokens - 1) / kTileTokens);
  const auto begin = [&](int i) { return job.begin + i * kTileTokens; };
  if (job.layout.format == KFormat::channel) {
    for (int i = 0; i < count && begin(i) < job.packed; ++i) {
      const std::int64_t grids = begin(i) / kTileTokens * job.layout.k_grids();
      largest_queries<R>(job, job.head.k_grids + grids, largest[i]);
    }
  }
  for (int i = 0; i < count; ++i) {
    tile_scores<Bits, R>(job, begin(i), largest[i], scores[i], tile_tops[i]);
  }
  float tops[R], relative[tiles][R];
  split_tops<R>(tile_tops, count, tops, relative);
  SplitSums<R> sums;
  sums.values = values;
  for (int r = 0; r < R; ++r) {
    sums.mass[r] = F(0.0f);
    for (int g = 0; g < kMaxGroups; ++g) sums.zeros[r][g] = F(0.0f);
  }
  for (int i = 0; i < count; ++i) {
    tile_values<Bits, R>(job, begin(i), scores[i], tile_tops[i], relative[i], sums);
  }
  const int width = job.layout.v_width();
  for (int r = 0; r < job.rows; ++r) {
    job.tops[r] = tops[r];
    job.mass[r] = sum_of(sums.mass[r]);
    for (int first = 0, g = 0; first < width; first += job.layout.group, ++g) {
      const int end = first + job.layout.group < width ? first + job.layout.group : width;
      const F zeros(sum_of(sums.zeros[r][g]));
      for (int c = first; c < end; c += kWide) {
        store(job.sums + r * width + c, F(load<F>(values[r] + c) + zeros));
      }
    }
  }
}

void split(const SplitJob& job) {
  if (job.layout.bits == 4) {
    if (job.rows == 1) return split_rows<4, 1>(job);
    if (job.rows == 2) return split_rows<4, 2>(job);
    return split_rows<4, kRowBlock>(job);
  }
  if (job.rows == 1) return split_rows<8, 1>(job);
  if (job.rows == 2) return split_rows<8, 2>(job);
  split_rows<8, kRowBlock>(job);
}

template <class E>
void merge(const MergeJob& job) {
  E* out = reinterpret_cast<E*>(job.out);
  float top = -kInfinity<float>;
  for (int s = 0; s < job.splits; ++s) top = max(job.tops[s * job.step], top);
  if (!(top > -kInfinity<float>)) {
    for (int c = 0; c < job.dim; ++c) out[c] = narrow<E>(0.0f);
    *job.lse = -kInfinity<float>;
    return;
  }
  alignas(64) float sums[kMaxHeadDim] = {};
  float mass = 0;
  for (int s = 0; s < job.splits; ++s) {
    const std::int64_t row = s * job.step;
    if (!(job.tops[row] > -kInfinity<float>)) continue;
    const float part = lane(exp_weight(F(job.tops[row] - top)), 0);
    mass = fma(part, job.mass[row], mass);
    for (int c = 0; c < job.width; c += kWide) {
      store(sums + c, F(fma(F(part), load<F>(job.sums + row * job.width + c), load<F>(sums + c))));
    }
  }
  for (int c = 0; c < job.dim; ++c) out[c] = narrow<E>(sums[c] / mass);
  *job.lse = top + static_cast<float>(log(static_cast<double>(mass)));
}

}  // namespace

extern const DecodeKernels kDecodeKernels;
const DecodeKernels kDecodeKernels = {
    {prepare<float>, prepare<float16>, prepare<bfloat16>},
    split,
    {merge<float>, merge<float16>, merge<bfloat16>},
};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
