// Attention on tensor cores: a block has kQueryBlock rows of one head and passes over tiles of
// keys, of which the next is copied into shared memory while this one is used. A warp has 16 or 32
// rows: scores stay in the registers in which mma leaves them, and go on as weights to the values.
//
//   prefill_shared.cuh    shared memory, copies into it
//   prefill_scores.cuh    products of codes, masks
//   prefill_weights.cuh   weights, their products with values in float16 or FP8
//   prefill_finish.cuh    output and log-sum-exp
//
// As groups are those of quantise.h, the scores that one thread holds share one scale of the
// queries for every 32 rows, and one of the keys for every 64.
#pragma once

#include "cuda/attention/prefill_finish.cuh"
#include "cuda/attention/prefill_scores.cuh"
#include "cuda/attention/prefill_weights.cuh"
#include "cuda/core/shared.cuh"

namespace longtail::cuda {

/// One tile of keys for the rows of a warp.
template <class Shape, bool PerToken>
__device__ inline void attend_tile(const PrefillPlan& plan, const MmaBlock& block,
                                   MmaMemory<Shape>& memory, MmaStage<Shape>& stage, int row,
                                   std::int64_t first_key,
                                   RowState<Shape::kChannels> (&state)[Shape::kRowTiles]) {
  const int g = static_cast<int>(threadIdx.x % 32) / 4, t = static_cast<int>(threadIdx.x % 4);
  const std::int64_t last_key = first_key + Shape::kKeys - 1;
  const bool masked = plan.mask.kind != attention::Mask::Kind::none;
  const bool edge = last_key >= visible_keys(plan, block.sequence, block.rows.first + row);
  FragmentA weights[Shape::kRowTiles][Shape::kWeightSteps];
  LONGTAIL_UNROLL
  for (int m = 0; m < Shape::kRowTiles; ++m) {
    int sums[Shape::kKeys / 8][4];
    multiply_codes<Shape>(memory, stage, row + 16 * m, sums);
    float scores[Shape::kKeys / 8][4];
    const float* factor = memory.factor + row + 16 * m + g;  // of its rows, 8 apart
    const float shared = stage.scale[2 * t];  // of this thread's keys, if scales span tokens
    LONGTAIL_UNROLL
    for (int n = 0; n < Shape::kKeys / 8; ++n) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int key = 8 * n + 2 * t + i % 2;
        const float of_key = PerToken ? stage.scale[key] : shared;
        scores[n][i] =
            fmaf(static_cast<float>(sums[n][i]) * of_key, factor[i / 2 * 8], stage.rest[key]);
      }
    }
    if (masked) add_mask<Shape>(mask_tile(memory), row + 16 * m, scores);
    if (edge) hide_scores<Shape>(plan, block, row + 16 * m, first_key, scores);
    scale_sums(weigh_scores(memory, row + 16 * m, scores), state[m]);
    weight_operands<Shape>(scores, weights[m]);
  }
  if constexpr (Shape::kFp8) {
    add_fp8<Shape>(stage, weights, state);
  } else {
    add_halves<Shape>(stage, weights, state);
  }
}

/// What a block does.
template <class Shape, bool PerToken>
__device__ inline void attend_block(const PrefillPlan& plan, std::int64_t first_task) {
  auto& memory = *dynamic_shared<MmaMemory<Shape>>();
  const std::int64_t task = first_task + blockIdx.x;
  if (threadIdx.x == 0) memory.block = find_mma_block<Shape::kKeys>(plan, task, blockIdx.x);
  for (int i = threadIdx.x; i < kQueryBlock; i += Shape::kThreads) {
    memory.factor[i] = plan.query_scale[task * kQueryBlock + i] * (plan.scale * 0x1.715476p+0f);
    memory.top[i] = -__builtin_inff();
    memory.total[i] = 0;
  }
  __syncthreads();
  const MmaBlock& block = memory.block;
  if (block.rows.count == 0) return;
  for (int i = threadIdx.x; !plan.smooth_q && i < 2 * Shape::kKeys; i += Shape::kThreads) {
    memory.stages[i / Shape::kKeys].rest[i % Shape::kKeys] = 0;
  }
  const int row = static_cast<int>(threadIdx.x) / 32 * 16 * Shape::kRowTiles;
  RowState<Shape::kChannels> state[Shape::kRowTiles];
  LONGTAIL_UNROLL
  for (int m = 0; m < Shape::kRowTiles; ++m) {
    LONGTAIL_UNROLL
    for (int n = 0; n < Shape::kChannels / 8; ++n) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 4; ++i) state[m].out[n][i] = 0;
    }
  }
  copy_rows<Shape::kThreads, kQueryBlock>(
      memory.queries, plan.query_codes + task * kQueryBlock * Shape::kCodeBytes);
  if (block.tiles > 0) copy_tile(plan, block, 0, memory.stages[0]);
  commit_copies();
  for (int tile = 0; tile < block.tiles; ++tile) {
    if (tile + 1 < block.tiles) copy_tile(plan, block, tile + 1, memory.stages[(tile + 1) % 2]);
    commit_copies();
    const std::int64_t first_key = std::int64_t{tile} * Shape::kKeys;
    if (plan.mask.kind != attention::Mask::Kind::none) {
      read_mask<Shape>(plan, block, first_key, mask_tile(memory));
    }
    wait_for_copies<1>();
    __syncthreads();
    const std::int64_t warp_last = block.rows.first + row + 16 * Shape::kRowTiles - 1;
    if (row < block.rows.count && first_key < visible_keys(plan, block.sequence, warp_last)) {
      attend_tile<Shape, PerToken>(plan, block, memory, memory.stages[tile % 2], row, first_key,
                                   state);
    }
    __syncthreads();  // before this stage is written again
  }
  wait_for_copies<0>();
  LONGTAIL_UNROLL
  for (int m = 0; m < Shape::kRowTiles; ++m) finish_rows(plan, memory, row + 16 * m, state[m]);
}

/// Tasks from first_task on, a block each. FP8 without the units for it is an error: callers ask
/// prefill_has_fp8() first.
template <int Channels, int Bits, bool PerToken, ValueFormat Format>
__global__ void __launch_bounds__(MmaShape<Channels, Bits, Format>::kThreads,
                                  MmaShape<Channels, Bits, Format>::kBlocks)
    prefill_mma(const __grid_constant__ PrefillPlan plan, std::int64_t first_task) {
  using Shape = MmaShape<Channels, Bits, Format>;
  if constexpr (Shape::kFp8 && !kFp8Units) {
    trap();
  } else {
    attend_block<Shape, PerToken>(plan, first_task);
  }
}

/// Attention for tasks [begin, end); `launch` as in prefill_run.cuh.
template <int Channels, class Launch>
void run_prefill_mma(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                     const Launch& launch) {
  const auto run = [&]<int Bits, bool PerToken, ValueFormat Format>() {
    using Shape = MmaShape<Channels, Bits, Format>;
    // What a block may have on every GPU from sm_80 on.
    static_assert(sizeof(MmaMemory<Shape>) + sizeof(MaskTile<Shape>) <= 99 * 1024);
    const bool masked = plan.mask.kind != attention::Mask::Kind::none;
    launch(prefill_mma<Channels, Bits, PerToken, Format>, prefill_grid(end - begin),
           Shape::kThreads, sizeof(MmaMemory<Shape>) + (masked ? sizeof(MaskTile<Shape>) : 0), plan,
           begin);
  };
  const auto run_with = [&]<ValueFormat Format>() {
    if (plan.nibbles) return run.template operator()<4, false, Format>();
    if (plan.per_token) return run.template operator()<8, true, Format>();
    run.template operator()<8, false, Format>();
  };
  if (plan.value_format == ValueFormat::e4m3) {
    run_with.template operator()<ValueFormat::e4m3>();
  } else {
    run_with.template operator()<ValueFormat::half>();
  }
}

}  // namespace longtail::cuda
