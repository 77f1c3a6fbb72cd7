// Scores of 16 rows and a tile of keys, in the registers in which mma leaves them: products of
// codes, what rows may not see, the mask.
#pragma once

#include "cuda/attention/prefill_shared.cuh"

namespace longtail::cuda {

/// Sums of products of codes for 16 rows from `row` on and all keys of the tile.
template <class Shape>
__device__ inline void multiply_codes(MmaMemory<Shape>& memory, MmaStage<Shape>& stage, int row,
                                      int (&sums)[Shape::kKeys / 8][4]) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LONGTAIL_UNROLL
  for (int n = 0; n < Shape::kKeys / 8; ++n) {
    LONGTAIL_UNROLL
    for (int i = 0; i < 4; ++i) sums[n][i] = 0;
  }
  LONGTAIL_KEEP_LOOP
  for (int s = 0; s < Shape::kSteps; ++s) {
    const FragmentA a = load_matrices(
        swizzled<Shape::kCodeBytes>(memory.queries, row + lane % 16, 2 * s + lane / 16));
    LONGTAIL_UNROLL
    for (int n = 0; n < Shape::kKeys / 8; n += 2) {
      const FragmentA two = load_matrices(swizzled<Shape::kCodeBytes>(
          stage.codes, 8 * n + lane / 16 * 8 + lane % 8, 2 * s + lane / 8 % 2));
      const FragmentB first = {{two.of[0], two.of[1]}}, second = {{two.of[2], two.of[3]}};
      if constexpr (Shape::kBits == 4) {
        mma_s4(sums[n], a, first);
        mma_s4(sums[n + 1], a, second);
      } else {
        mma_s8(sums[n], a, first);
        mma_s8(sums[n + 1], a, second);
      }
    }
  }
}

/// Hides what the rows may not see.
template <class Shape>
__device__ inline void hide_scores(const PrefillPlan& plan, const MmaBlock& block, int row,
                                   std::int64_t first_key, float (&scores)[Shape::kKeys / 8][4]) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LONGTAIL_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int r = row + lane / 4 + 8 * half;
    const std::int64_t left =
        (r < block.rows.count ? visible_keys(plan, block.sequence, block.rows.first + r) : 0) -
        first_key;
    // Of this thread's keys, 8 n + i from its first on, those below `seen`.
    const int seen = static_cast<int>(left < 0              ? 0
                                      : left < Shape::kKeys ? left
                                                            : Shape::kKeys) -
                     2 * (lane % 4);
    LONGTAIL_UNROLL
    for (int n = 0; n < Shape::kKeys / 8; ++n) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 2; ++i) {
        if (8 * n + i >= seen) scores[n][2 * half + i] = -__builtin_inff();
      }
    }
  }
}

/// What a mask adds to a tile of scores, behind MmaMemory. Rows that are read together have their
/// keys in another order, eight by eight, to lie in different banks.
template <class Shape>
using MaskTile = float[kQueryBlock][Shape::kKeys];
template <class Shape>
__device__ inline int mask_column(int row, int key) {
  return key ^ 8 * (row & 3);
}

template <class Shape>
__device__ inline MaskTile<Shape>& mask_tile(MmaMemory<Shape>& memory) {
  return *reinterpret_cast<MaskTile<Shape>*>(&memory + 1);
}

template <class Shape>
__device__ inline void read_mask(const PrefillPlan& plan, const MmaBlock& block,
                                 std::int64_t first_key, MaskTile<Shape>& tile) {
  const attention::Mask& mask = plan.mask;
  const std::int64_t begin = block.sequence.batch * mask.batch + block.rows.head * mask.head;
  for (int i = threadIdx.x; i < kQueryBlock * Shape::kKeys; i += Shape::kThreads) {
    const int r = i / Shape::kKeys, k = i % Shape::kKeys;
    const std::int64_t row = block.rows.first + r, key = first_key + k;
    const bool there = r < block.rows.count && key < visible_keys(plan, block.sequence, row);
    tile[r][mask_column<Shape>(r, k)] =
        there ? masked_score(mask, begin + row * mask.row + key * mask.key, 0.0f) : 0.0f;
  }
}

template <class Shape>
__device__ inline void add_mask(const MaskTile<Shape>& tile, int row,
                                float (&scores)[Shape::kKeys / 8][4]) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LONGTAIL_UNROLL
  for (int n = 0; n < Shape::kKeys / 8; ++n) {
    LONGTAIL_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int r = row + lane / 4 + i / 2 * 8;
      const float bias = tile[r][mask_column<Shape>(r, 8 * n + 2 * (lane % 4) + i % 2)];
      float& score = scores[n][i];  // a hidden nan is hidden too
      score = bias == -__builtin_inff() ? bias : score + bias;
    }
  }
}

}  // namespace longtail::cuda
