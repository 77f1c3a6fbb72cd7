// Attention on sm_90a: int8 products of codes and FP8 products of weights and values, by wgmma. A
// block has kQueryBlock rows of one head. One thread of the first warpgroup, the producer, copies
// tile after tile of keys into a ring; the other two have 64 rows each and pass over the tiles.
//
//   prefill_async.cuh                copies and barriers
//   prefill_wgmma_instructions.cuh   products
//   prefill_wgmma_scores.cuh         from sums of codes to weights, and to the output
//   prefill_wgmma_tiles.cuh          the ring, the producer, a warp's steps with a tile
//
// While a tile's weights meet its values, the next one's scores are formed and become weights. FP8
// products are summed in floats of 22 bits (13 of them behind the point), so every tile's go into a
// sum of their own, which is added to the float32 ones. Codes, values and queries were packed as
// descriptors want them.
#pragma once

#include "cuda/attention/prefill_wgmma_tiles.cuh"
#include "cuda/core/shared.cuh"

namespace longtail::cuda {

__device__ inline void add_product(WideSum<float>& out, const float (&kept)[2],
                                   const WideSum<float>& product) {
  LONGTAIL_UNROLL
  for (int n = 0; n < 8; ++n) {
    LONGTAIL_UNROLL
    for (int i = 0; i < 4; ++i) out.of[n][i] = fmaf(out.of[n][i], kept[i / 2], product.of[n][i]);
  }
}

/// Tiles 0 ... tiles - 1, the scores of one beside the values of the one before.
template <int Channels, bool PerToken>
__device__ inline void attend_overlapped(WgmmaWarp<Channels>& warp, int tiles,
                                         WideSum<float> (&out)[Channels / 64]) {
  WideSum<int> sums;
  WideSum<float> product[Channels / 64];
  float scores[8][4];
  WgmmaWeights weights;
  const auto start_values = [&](int tile) {
    LONGTAIL_UNROLL
    for (int c = 0; c < Channels / 64; ++c) warp.start_values(tile, c, weights, product[c]);
    commit_products();
  };
  const auto add_values = [&](int tile, const float (&kept)[2]) {
    wait_for_products<0>();
    LONGTAIL_UNROLL
    for (int c = 0; c < Channels / 64; ++c) {
      settle(product[c].of);
      add_product(out[c], kept, product[c]);
    }
    warp.free(tile);
  };
  warp.wait_for(0);
  warp.start_scores(0, sums);
  wait_for_products<0>();
  settle(sums.of);
  warp.template weigh<PerToken>(0, sums, scores);
  weight_operands<WgmmaTile>(scores, weights.of);
  if (tiles > 1) warp.wait_for(1);
  LONGTAIL_KEEP_LOOP
  for (int tile = 0; tile + 1 < tiles; ++tile) {
    const float kept[2] = {warp.rows.kept[0], warp.rows.kept[1]};
    warp.start_scores(tile + 1, sums);
    start_values(tile);
    wait_for_products<1>();
    settle(sums.of);
    warp.template weigh<PerToken>(tile + 1, sums, scores);
    // This wait is here also because ptxas does not move exponentials past its branch: they are to
    // be done while the values' products run.
    settle(scores);
    if (tile + 2 < tiles) warp.wait_for(tile + 2);
    add_values(tile, kept);
    weight_operands<WgmmaTile>(scores, weights.of);
  }
  fence_products();
  start_values(tiles - 1);
  add_values(tiles - 1, warp.rows.kept);
}

/// The same where sums take most registers: 64 channels of values beside the 64 before.
template <int Channels, bool PerToken>
__device__ inline void attend_in_turn(WgmmaWarp<Channels>& warp, int tiles,
                                      WideSum<float> (&out)[Channels / 64]) {
  LONGTAIL_KEEP_LOOP
  for (int tile = 0; tile < tiles; ++tile) {
    WgmmaWeights weights;
    {
      WideSum<int> sums;
      float scores[8][4];
      warp.wait_for(tile);
      warp.start_scores(tile, sums);
      wait_for_products<0>();
      settle(sums.of);
      warp.template weigh<PerToken>(tile, sums, scores);
      weight_operands<WgmmaTile>(scores, weights.of);
    }
    WideSum<float> product[2];
    LONGTAIL_UNROLL
    for (int c = 0; c <= Channels / 64; ++c) {
      if (c < Channels / 64) {
        fence_products();
        warp.start_values(tile, c, weights, product[c % 2]);
        commit_products();
      }
      if (c == 0) continue;
      if (c < Channels / 64) {
        wait_for_products<1>();
      } else {
        wait_for_products<0>();
      }
      settle(product[(c - 1) % 2].of);
      add_product(out[c - 1], warp.rows.kept, product[(c - 1) % 2]);
    }
    warp.free(tile);
  }
}

/// For the compiler, which then has it in a register of the warp.
__device__ inline int same_in_warp(int x) { return __shfl_sync(0xffffffffu, x, 0); }

template <int Channels, bool PerToken>
__device__ inline void attend_rows(const PrefillPlan& plan, std::int64_t task,
                                   WgmmaMemory<Channels>& memory) {
  using Shape = WgmmaShape<Channels>;
  constexpr int chunks = Channels / 64;
  const MmaBlock& block = memory.block;
  const int row = same_in_warp(static_cast<int>(threadIdx.x) / 32 - 4) * 16, group = row / 64;
  WgmmaWarp<Channels> warp{plan, memory, *reinterpret_cast<MaskTile<WgmmaTile>*>(&memory + 1),
                           row,  group,  visible_keys(plan, block.sequence, block.rows.first + row),
                           {}};
  LONGTAIL_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int r = row + static_cast<int>(threadIdx.x) % 32 / 4 + 8 * half;
    warp.rows.factor[half] =
        plan.query_scale[task * kQueryBlock + r] * (plan.scale * 0x1.715476p+0f);
    warp.rows.top[half] = -__builtin_inff();
  }
  WideSum<float> out[chunks];
  LONGTAIL_UNROLL
  for (int c = 0; c < chunks; ++c) out[c] = {};
  // Tiles that a row of the warpgroup may see, of those that one of the block does.
  int tiles = 0;
  if (64 * group < block.rows.count) {
    const std::int64_t seen =
        visible_keys(plan, block.sequence, block.rows.first + 64 * group + 63);
    const std::int64_t own = prefill_blocks(seen, Shape::kKeys);
    tiles = own < block.tiles ? static_cast<int>(own) : block.tiles;
  }
  if (tiles > 0) {
    wait_for_phase(memory.queries_there, 0);
    if constexpr (Channels <= 128) {
      attend_overlapped<Channels, PerToken>(warp, tiles, out);
    } else {
      attend_in_turn<Channels, PerToken>(warp, tiles, out);
    }
  }
  for (int tile = tiles; tile < block.tiles; ++tile) {
    warp.wait_for(tile);
    warp.free(tile);
  }
  finish_rows(plan, block, row, warp.rows, out);
}

/// Tasks from first_task on, a block each. Empty where the compiler has no wgmma to offer.
template <int Channels, bool PerToken>
__global__ void __launch_bounds__(WgmmaShape<Channels>::kThreads, 1)
    prefill_wgmma(const __grid_constant__ PrefillPlan plan, std::int64_t first_task) {
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  using Shape = WgmmaShape<Channels>;
  auto& memory = *reinterpret_cast<WgmmaMemory<Channels>*>(
      align_shared<kPanelAlignment>(dynamic_shared<unsigned char>()));
  // Where rows see the keys before them, the last blocks have most to do: they begin.
  const unsigned index =
      plan.causal == attention::Causal::none ? blockIdx.x : gridDim.x - 1 - blockIdx.x;
  const std::int64_t task = first_task + index;
  if (threadIdx.x == 0) {
    memory.block = find_mma_block<Shape::kKeys>(plan, task, index);
    make_barrier(memory.queries_there, 1);
    for (int stage = 0; stage < Shape::kStages; ++stage) {
      make_barrier(memory.full[stage], 1);
      make_barrier(memory.empty[stage], 4 * Shape::kGroups);  // warps
    }
    publish_barriers();
  }
  for (int i = threadIdx.x; !plan.smooth_q && i < Shape::kStages * Shape::kKeys;
       i += Shape::kThreads) {
    memory.rest[i / Shape::kKeys][i % Shape::kKeys] = 0;
  }
  __syncthreads();
  if (memory.block.rows.count == 0) return;
  if (threadIdx.x < 128) {
    leave_registers<24>();
    if (threadIdx.x == 0) copy_tiles(plan, task, memory);
  } else {
    take_registers<240>();
    attend_rows<Channels, PerToken>(plan, task, memory);
  }
#endif
}

/// Attention for tasks [begin, end); `launch` as in prefill_run.cuh.
template <int Channels, class Launch>
void run_prefill_wgmma(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                       const Launch& launch) {
  constexpr std::size_t bytes = sizeof(WgmmaMemory<Channels>) + kPanelAlignment - 16;
  constexpr std::size_t of_mask = sizeof(MaskTile<WgmmaTile>);
  static_assert(bytes + of_mask <= 227 * 1024);
  const bool masked = plan.mask.kind != attention::Mask::Kind::none;
  const auto kernel =
      plan.per_token ? prefill_wgmma<Channels, true> : prefill_wgmma<Channels, false>;
  launch(kernel, prefill_grid(end - begin), WgmmaShape<Channels>::kThreads,
         bytes + (masked ? of_mask : 0), plan, begin);
}

}  // namespace longtail::cuda
