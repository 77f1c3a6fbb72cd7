// From the scores of a tile of keys to weights, and weights times values: in float16, or in FP8 as
// SageAttention2 does, where the largest weight is 448, FP8's largest number.
#pragma once

#include <cmath>

#include "cuda/attention/prefill_shared.cuh"

namespace longtail::cuda {

/// What the sums so far are multiplied by, as the largest score grows: rows g and g + 8.
struct Kept {
  float of[2];
};

/// Scores of 16 rows become weights, and totals follow the new largest score. One of the four
/// threads that share a row writes the row's totals, after all have read.
///
/// Totals are of weights before they are rounded: the log-sum-exp needs those, and totals of
/// rounded ones would make outputs hardly better (relative error of int8 with FP8, smooth K, in
/// float64 on tests/attention/datasets.py: N(0, 1) 3.595 % and 3.591 %, MiniLM 1.87 % and 1.84 %;
/// only where values keep a mean, 0.30 % and 0.23 %).
template <class Shape>
__device__ inline Kept weigh_scores(MmaMemory<Shape>& memory, int row,
                                    float (&scores)[Shape::kKeys / 8][4]) {
  Kept result;
  constexpr float infinity = __builtin_inff();
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LONGTAIL_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int r = row + lane / 4 + 8 * half;
    const float old_top = memory.top[r];
    float top = old_top;
    LONGTAIL_UNROLL
    for (int n = 0; n < Shape::kKeys / 8; ++n) {
      top = fmaxf(top, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
    }
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
    const float base = top == -infinity ? 0.0f : top;
    const float kept = exp2_fast(old_top - base);
    result.of[half] = kept;
    float sum = 0;
    LONGTAIL_UNROLL
    for (int n = 0; n < Shape::kKeys / 8; ++n) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 2; ++i) {
        const float p = exp2_fast(scores[n][2 * half + i] - (base - Shape::kLift));
        scores[n][2 * half + i] = p;
        sum += p;
      }
    }
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    if (lane % 4 == 0) {
      memory.top[r] = top;
      memory.total[r] = fmaf(memory.total[r], kept, sum);
    }
  }
  return result;
}

/// Weights of 16 rows as operands of mma: in float16 16 keys each, in FP8 32 in the order of
/// value_slot().
template <class Shape>
__device__ inline void weight_operands(const float (&weights)[Shape::kKeys / 8][4],
                                       FragmentA (&operands)[Shape::kWeightSteps]) {
  LONGTAIL_UNROLL
  for (int k = 0; k < Shape::kWeightSteps; ++k) {
    LONGTAIL_UNROLL
    for (int part = 0; part < 4; ++part) {
      const int of_row = part % 2 * 2;
      if constexpr (Shape::kFp8) {
        const float (&low)[4] = weights[4 * k + part / 2 * 2];
        const float (&high)[4] = weights[4 * k + part / 2 * 2 + 1];
        operands[k].of[part] =
            e4m3_four(low[of_row], low[of_row + 1], high[of_row], high[of_row + 1]);
      } else {
        const float (&pair)[4] = weights[2 * k + part / 2];
        operands[k].of[part] = halves(pair[of_row], pair[of_row + 1]);
      }
    }
  }
}

/// Sums so far follow the largest score, which in most tiles of a long sequence is none of theirs.
template <int Channels>
__device__ inline void scale_sums(const Kept& kept, RowState<Channels>& state) {
  if (!__any_sync(0xffffffffu, kept.of[0] != 1 || kept.of[1] != 1)) return;
  LONGTAIL_UNROLL
  for (int n = 0; n < Channels / 8; ++n) {
    LONGTAIL_UNROLL
    for (int i = 0; i < 4; ++i) state.out[n][i] *= kept.of[i / 2];
  }
}

/// Adds float16 weights times values.
template <class Shape, int Channels, int RowTiles>
__device__ inline void add_halves(MmaStage<Shape>& stage,
                                  const FragmentA (&weights)[RowTiles][Shape::kWeightSteps],
                                  RowState<Channels> (&state)[RowTiles]) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LONGTAIL_UNROLL
  for (int k = 0; k < Shape::kWeightSteps; ++k) {
    LONGTAIL_UNROLL
    for (int n = 0; n < Channels / 8; n += 2) {
      const FragmentA two = load_transposed(
          swizzled<Shape::kValueBytes>(stage.values, 16 * k + lane % 16, n + lane / 16));
      const FragmentB first = {{two.of[0], two.of[1]}}, second = {{two.of[2], two.of[3]}};
      LONGTAIL_UNROLL
      for (int m = 0; m < RowTiles; ++m) {
        mma_f16(state[m].out[n], weights[m][k], first);
        mma_f16(state[m].out[n + 1], weights[m][k], second);
      }
    }
  }
}

/// The same in FP8. The units keep about 22 bits of a sum of FP8 products: those of a tile are
/// summed from zero, and added up in float32.
template <class Shape, int Channels, int RowTiles>
__device__ inline void add_fp8(MmaStage<Shape>& stage,
                               const FragmentA (&weights)[RowTiles][Shape::kWeightSteps],
                               RowState<Channels> (&state)[RowTiles]) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LONGTAIL_UNROLL
  for (int n = 0; n < Channels / 8; n += 2) {
    float sums[RowTiles][2][4] = {};
    LONGTAIL_UNROLL
    for (int k = 0; k < Shape::kWeightSteps; ++k) {
      const FragmentA two = load_matrices(swizzled<Shape::kValueBytes>(
          stage.values, 8 * n + lane / 16 * 8 + lane % 8, 2 * k + lane / 8 % 2));
      const FragmentB first = {{two.of[0], two.of[1]}}, second = {{two.of[2], two.of[3]}};
      LONGTAIL_UNROLL
      for (int m = 0; m < RowTiles; ++m) {
        mma_e4m3(sums[m][0], weights[m][k], first);
        mma_e4m3(sums[m][1], weights[m][k], second);
      }
    }
    LONGTAIL_UNROLL
    for (int m = 0; m < RowTiles; ++m) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 8; ++i) {
        float& out = state[m].out[n + i / 4][i % 4];
        out += sums[m][i / 4][i % 4];
      }
    }
  }
}

}  // namespace longtail::cuda
