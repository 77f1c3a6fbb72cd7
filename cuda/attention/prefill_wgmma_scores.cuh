// From sums of codes to weights, in the registers in which wgmma leaves the ones and wants the
// others. A thread has two rows of its warp's 16, g and g + 8, and of 64 keys 8 n + 2 t + i.
#pragma once

#include <cmath>

#include "cuda/attention/prefill_mma.cuh"
#include "cuda/attention/prefill_wgmma_instructions.cuh"

namespace longtail::cuda {

/// Sums of codes start here: as float this is 1.5 2^23, and every integer below 2^22 beside it is
/// exact, so that a subtraction does what a conversion, at a quarter of the speed, would.
constexpr int kSumStart = 0x4b400000;
static_assert(127 * 127 * attention::kMostChannels < 1 << 22);

/// Weights are 448 2^(s - top): the largest is E4M3's.
constexpr float kWgmmaLift = 0x1.19d5bap+3f;  // log2 448

struct WgmmaRows {
  float factor[2];  // scale of the query times what makes scores powers of two
  float top[2];     // largest score
  float total[2];   // of this thread's weights
  float kept[2];    // what the last new top left of earlier weights
};
/// Weights of 64 keys.
struct WgmmaWeights {
  FragmentA of[2];
};
struct KeyShape {
  static constexpr int kKeys = 64;
};

template <bool PerToken>
__device__ inline void scale_sums(const WideSum<int>& sums, const float* of_keys, const float* rest,
                                  const WgmmaRows& rows, float (&scores)[8][4]) {
  const auto first = static_cast<int>(threadIdx.x % 4) * 2;
  const float shared = of_keys[first];  // of this thread's keys, if scales span tokens
  LONGTAIL_UNROLL
  for (int n = 0; n < 8; ++n) {
    LONGTAIL_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int key = 8 * n + first + i % 2;
      const float sum = bits_as<float>(static_cast<std::uint32_t>(sums.of[n][i])) -
                        bits_as<float>(static_cast<std::uint32_t>(kSumStart));
      scores[n][i] = fmaf(sum * (PerToken ? of_keys[key] : shared), rows.factor[i / 2], rest[key]);
    }
  }
}

/// What a mask adds to 16 rows of a tile, read by the warp that needs it, row after row.
__device__ inline void read_mask_of_rows(const PrefillPlan& plan, const MmaBlock& block, int row,
                                         std::int64_t first_key, MaskTile<KeyShape>& tile) {
  const attention::Mask& mask = plan.mask;
  const std::int64_t begin = block.sequence.batch * mask.batch + block.rows.head * mask.head;
  const auto lane = static_cast<int>(threadIdx.x % 32);
  __syncwarp();  // the tile before was read by other lanes
  LONGTAIL_KEEP_LOOP
  for (int r = row; r < row + 16; ++r) {
    const std::int64_t of_row = block.rows.first + r;
    const std::int64_t seen =
        r < block.rows.count ? visible_keys(plan, block.sequence, of_row) - first_key : 0;
    for (int k = lane; k < KeyShape::kKeys; k += 32) {
      const std::int64_t at = begin + of_row * mask.row + (first_key + k) * mask.key;
      tile[r][mask_column<KeyShape>(r, k)] = k < seen ? masked_score(mask, at, 0.0f) : 0.0f;
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
        scores[n][i] = exp2_fast(scores[n][i] - (base - kWgmmaLift));
        sum += scores[n][i];
      }
    }
    rows.total[half] = fmaf(rows.total[half], rows.kept[half], sum);
  }
}

/// Weights in E4M3. Not while products run: ptxas would let them wait for these registers.
__device__ inline void round_weights(const float (&weights)[8][4], WgmmaWeights& rounded) {
  LONGTAIL_UNROLL
  for (int part = 0; part < 4; ++part) {  // 16 keys
    const float (&low)[4] = weights[2 * part], (&high)[4] = weights[2 * part + 1];
    LONGTAIL_UNROLL
    for (int i = 0; i < 4; i += 2) {
      rounded.of[part / 2].of[part % 2 * 2 + i / 2] =
          e4m3_four(low[i], low[i + 1], high[i], high[i + 1]);
    }
  }
}

/// The sum of what the four threads of a row have.
__device__ inline float sum_of_row(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

/// Output and log-sum-exp of a warp's 16 rows from `row` on.
template <int Chunks>
__device__ inline void finish_wgmma_rows(const PrefillPlan& plan, const MmaBlock& block, int row,
                                         const WgmmaRows& rows,
                                         const WideSum<float> (&out)[Chunks]) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t of_value =
      (block.rows.sequence * plan.key_heads + block.key_head) * attention::kMostChannels;
  LONGTAIL_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int r = row + lane / 4 + 8 * half;
    const float top = rows.top[half], total = sum_of_row(rows.total[half]);
    if (r >= block.rows.count) continue;
    const bool empty = top == -__builtin_inff() && total == 0;
    const std::int64_t of_row = block.sequence.first_row + block.rows.first + r;
    if (lane % 4 == 0) {
      const std::int64_t position =
          (block.rows.head * plan.query_blocks + block.rows.block) * kQueryBlock + r;
      const float lse = (top - kWgmmaLift + log2f(total)) * 0x1.62e43p-1f;
      static_cast<float*>(plan.lse.data)[block.sequence.batch * plan.lse.batch +
                                         block.rows.head * plan.lse.head + of_row * plan.lse.row] =
          empty ? -__builtin_inff() : lse + plan.row_constant[position] * plan.scale;
    }
    const float inverse = empty ? 0.0f : 1 / total;
    const std::int64_t to = block.sequence.batch * plan.out.batch +
                            block.rows.head * plan.out.head + of_row * plan.out.row;
    LONGTAIL_UNROLL
    for (int n = 0; n < 8 * Chunks; ++n) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int c = 8 * n + 2 * (lane % 4) + i;
        if (c >= plan.value_channels) continue;
        const float x =
            out[n / 8].of[n % 8][2 * half + i] * inverse * plan.value_scale[of_value + c];
        write_element(plan.out.data, to + c, plan.dtype,
                      empty ? 0.0f : x + plan.value_mean[of_value + c]);
      }
    }
  }
}

}  // namespace longtail::cuda
