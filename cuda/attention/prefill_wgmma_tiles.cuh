// Tiles of keys for prefill_wgmma.cuh: the ring in shared memory, the thread that fills it, and
// what a warp does with one tile.
#pragma once

#include "cuda/attention/prefill_wgmma_scores.cuh"

namespace longtail::cuda {

/// Channels: 64, 128 or 256, of codes and values.
template <int Channels>
struct WgmmaShape {
  static constexpr int kKeys = WgmmaTile::kKeys;
  static constexpr int kStages = 4;  // of the ring
  static constexpr int kGroups = 2;  // that attend, of 128 threads and 64 rows
  static constexpr int kThreads = 128 * (1 + kGroups);
  static constexpr int kBytes = kKeys * Channels;  // of a tile's codes, and of its values
  static constexpr int kRow = Channels < 128 ? Channels : 128;  // bytes of a row in a panel
  static constexpr int kPanels = Channels / kRow;
  static constexpr int kChunks = Channels / 64;  // of sums
};
static_assert(WgmmaShape<64>::kKeys == kKeyTile);

template <int Channels>
struct alignas(16) WgmmaMemory {
  using Shape = WgmmaShape<Channels>;
  unsigned char queries[kQueryBlock * Channels];
  unsigned char codes[Shape::kStages][Shape::kBytes];
  unsigned char values[Shape::kStages][Shape::kBytes];
  float scale[Shape::kStages][Shape::kKeys];
  float rest[Shape::kStages][Shape::kKeys];
  PhaseBarrier queries_there, full[Shape::kStages], empty[Shape::kStages];
  MmaBlock block;
};
constexpr unsigned kPanelAlignment = 1024;  // eight rows of 128 bytes

/// One thread: the queries, then every tile as soon as its place is free.
template <int Channels>
__device__ inline void copy_tiles(const PrefillPlan& plan, std::int64_t task,
                                  WgmmaMemory<Channels>& memory) {
  using Shape = WgmmaShape<Channels>;
  constexpr unsigned of_keys = Shape::kKeys * sizeof(float);
  const MmaBlock& block = memory.block;
  if (block.tiles == 0) return;
  expect_bytes(memory.queries_there, sizeof(memory.queries));
  copy_bulk(memory.queries, plan.query_codes + task * kQueryBlock * Channels,
            sizeof(memory.queries), memory.queries_there);
  const auto* values = static_cast<const unsigned char*>(plan.values);
  for (int tile = 0; tile < block.tiles; ++tile) {
    const int stage = tile % Shape::kStages;
    const std::int64_t key = std::int64_t{tile} * Shape::kKeys, position = block.position + key;
    PhaseBarrier& full = memory.full[stage];
    wait_for_phase(memory.empty[stage], tile / Shape::kStages % 2 ^ 1);
    expect_bytes(full, 2 * Shape::kBytes + (block.rest != nullptr ? 2 : 1) * of_keys);
    copy_bulk(memory.codes[stage], plan.key_codes + position * Channels, Shape::kBytes, full);
    copy_bulk(memory.scale[stage], plan.key_scale + position, of_keys, full);
    if (block.rest != nullptr) copy_bulk(memory.rest[stage], block.rest + key, of_keys, full);
    copy_bulk(memory.values[stage], values + position * Channels, Shape::kBytes, full);
  }
}

/// Weights of 64 keys in E4M3. Not to be written while products run, as ptxas would let those wait.
struct WgmmaWeights {
  FragmentA of[WgmmaTile::kWeightSteps];
};

/// What a warp of the other warpgroups knows.
template <int Channels>
struct WgmmaWarp {
  using Shape = WgmmaShape<Channels>;
  const PrefillPlan& plan;
  WgmmaMemory<Channels>& memory;
  MaskTile<WgmmaTile>& mask;
  int row;             // its first, in the block
  int group;           // its warpgroup
  std::int64_t whole;  // keys that all its rows see
  WgmmaRows rows;

  __device__ void wait_for(int tile) {
    wait_for_phase(memory.full[tile % Shape::kStages], tile / Shape::kStages % 2);
  }
  __device__ void free(int tile) {
    __syncwarp();
    if (threadIdx.x % 32 == 0) arrive(memory.empty[tile % Shape::kStages]);
  }

  /// Starts the sums of codes of a tile.
  __device__ void start_scores(int tile, WideSum<int>& sums) {
    LONGTAIL_UNROLL
    for (int n = 0; n < 8; ++n) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 4; ++i) sums.of[n][i] = kSumStart;
    }
    fence_products();
    LONGTAIL_UNROLL
    for (int panel = 0; panel < Shape::kPanels; ++panel) {
      const std::uint64_t queries =
          describe<Shape::kRow>(memory.queries + (panel * kQueryBlock + 64 * group) * Shape::kRow);
      const std::uint64_t keys = describe<Shape::kRow>(memory.codes[tile % Shape::kStages] +
                                                       panel * Shape::kKeys * Shape::kRow);
      LONGTAIL_UNROLL
      for (int step = 0; step < Shape::kRow / 32; ++step) {
        multiply_s8(sums, next_step(queries, step), next_step(keys, step));
      }
    }
    commit_products();
  }

  /// From sums to weights, in float32.
  template <bool PerToken>
  __device__ void weigh(int tile, const WideSum<int>& sums, float (&scores)[8][4]) {
    const std::int64_t first_key = std::int64_t{tile} * Shape::kKeys;
    const int stage = tile % Shape::kStages;
    scores_of_sums<PerToken>(sums, memory.scale[stage], memory.rest[stage], rows, scores);
    if (plan.mask.kind != attention::Mask::Kind::none) {
      read_mask_of_rows(plan, memory.block, row, first_key, mask);
      add_mask<WgmmaTile>(mask, row, scores);
    }
    if (first_key + Shape::kKeys > whole) {
      hide_scores<WgmmaTile>(plan, memory.block, row, first_key, scores);
    }
    weigh_rows(scores, rows);
  }

  /// Starts weights times 64 channels of a tile's values.
  __device__ void start_values(int tile, int chunk, const WgmmaWeights& weights,
                               WideSum<float>& product) {
    const std::uint64_t values =
        describe<64>(memory.values[tile % Shape::kStages] + chunk * 64 * Shape::kKeys);
    multiply_e4m3<true>(product, weights.of[0], values);
    multiply_e4m3<false>(product, weights.of[1], next_step(values));
  }
};

}  // namespace longtail::cuda
