// From sums of codes to weights, in the registers in which wgmma leaves the ones and wants the
// others. A thread has two rows of its warp's 16, g and g + 8, and of 64 keys 8 n + 2 t + i.
#pragma once

#include <cmath>

#include "cuda/attention/prefill_finish.cuh"
#include "cuda/attention/prefill_scores.cuh"
#include "cuda/attention/prefill_weights.cuh"
#include "cuda/attention/prefill_wgmma_instructions.cuh"

namespace longtail::cuda {

/// Sums of codes start here: as float this is 1.5 2^23, and every integer below 2^22 beside it is
/// exact, so that a subtraction does what a conversion, at a quarter of the speed, would.
constexpr int kSumStart = 0x4b400000;
static_assert(127 * 127 * attention::kMostChannels < 1 << 22);

/// What a tile of 64 keys has in common with those of prefill_mma.cuh.
using WgmmaTile = MmaShape<64, 8, ValueFormat::e4m3>;

struct WgmmaRows {
  float factor[2];  // scale of the query times what makes scores powers of two
  float top[2];     // largest score
  float total[2];   // of this thread's weights
  float kept[2];    // what the last new top left of earlier weights
};
template <bool PerToken>
__device__ inline void scores_of_sums(const WideSum<int>& sums, const float* of_keys,
                                      const float* rest, const WgmmaRows& rows,
                                      float (&scores)[8][4]) {
  const auto first = static_cast<int>(threadIdx.x % 4) * 2;
  // Unless each token has its own, this thread's keys share a scale.
  const float unit[2] = {of_keys[first] * rows.factor[0], of_keys[first] * rows.factor[1]};
  LONGTAIL_UNROLL
  for (int n = 0; n < 8; ++n) {
    LONGTAIL_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int key = 8 * n + first + i % 2;
      const float sum = bits_as<float>(static_cast<std::uint32_t>(sums.of[n][i])) -
                        bits_as<float>(static_cast<std::uint32_t>(kSumStart));
      scores[n][i] = PerToken ? fmaf(sum * of_keys[key], rows.factor[i / 2], rest[key])
                              : fmaf(sum, unit[i / 2], rest[key]);
    }
  }
}

/// What a mask adds to 16 rows of a tile, read by the warp that needs it, row after row.
__device__ inline void read_mask_of_rows(const PrefillPlan& plan, const MmaBlock& block, int row,
                                         std::int64_t first_key, MaskTile<WgmmaTile>& tile) {
  const attention::Mask& mask = plan.mask;
  const std::int64_t begin = block.sequence.batch * mask.batch + block.rows.head * mask.head;
  const auto lane = static_cast<int>(threadIdx.x % 32);
  __syncwarp();  // the tile before was read by other lanes
  LONGTAIL_KEEP_LOOP
  for (int r = row; r < row + 16; ++r) {
    const std::int64_t of_row = block.rows.first + r;
    const std::int64_t seen =
        r < block.rows.count ? visible_keys(plan, block.sequence, of_row) - first_key : 0;
    for (int k = lane; k < WgmmaTile::kKeys; k += 32) {
      const std::int64_t at = begin + of_row * mask.row + (first_key + k) * mask.key;
      tile[r][mask_column<WgmmaTile>(r, k)] = k < seen ? masked_score(mask, at, 0.0f) : 0.0f;
    }
  }
  __syncwarp();
}

/// Scores become weights, and totals follow the new largest score.
__device__ inline void weigh_rows(float (&scores)[8][4], WgmmaRows& rows) {
  LONGTAIL_UNROLL
  for (int half = 0; half < 2; ++half) {
    float top = rows.top[half];
    LONGTAIL_UNROLL
    for (int n = 0; n < 8; ++n) {
      top = fmaxf(top, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
    }
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
    const float base = top == -__builtin_inff() ? 0.0f : top;
    rows.kept[half] = exp2_fast(rows.top[half] - base);
    rows.top[half] = top;
    float sum = 0;
    LONGTAIL_UNROLL
    for (int n = 0; n < 8; ++n) {
      LONGTAIL_UNROLL
      for (int i = 2 * half; i < 2 * half + 2; ++i) {
        scores[n][i] = exp2_fast(scores[n][i] - (base - WgmmaTile::kLift));
        sum += scores[n][i];
      }
    }
    rows.total[half] = fmaf(rows.total[half], rows.kept[half], sum);
  }
}

/// The sum of what the four threads of a row have.
__device__ inline float sum_of_row(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

/// Output and log-sum-exp of a warp's 16 rows from `row` on.
template <int Chunks>
__device__ inline void finish_rows(const PrefillPlan& plan, const MmaBlock& block, int row,
                                   const WgmmaRows& rows, const WideSum<float> (&out)[Chunks]) {
  finish_rows<64 * Chunks>(plan, block, row, WgmmaTile::kLift, rows.top,
                           {sum_of_row(rows.total[0]), sum_of_row(rows.total[1])},
                           [&](int n, int i) { return out[n / 8].of[n % 8][i]; });
}

}  // namespace longtail::cuda
