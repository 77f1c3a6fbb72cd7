// Attention on tensor cores: a block has kQueryBlock rows of one head and passes over tiles of
// keys, of which the next is copied into shared memory while this one is used. A warp has 16 or 32
// rows: scores stay in the registers in which mma leaves them, and go on as weights to the values.
//
// As groups are those of quantise.h, the scores that one thread holds share one scale of the
// queries for every 32 rows, and one of the keys for every 64.
#pragma once

#include <cmath>

#include "cuda/attention/prefill_warp.cuh"
#include "cuda/attention/prefill_find.cuh"
#include "cuda/attention/prefill_work.h"
#include "cuda/core/shared.cuh"

namespace longtail::cuda {

/// Channels: 64, 128 or 256, of codes and values; Bits of a code in memory: 4 or 8.
template <int Channels, int Bits>
struct MmaShape {
  static constexpr int kKeys = Channels == 256 ? 32 : 64;    // of a tile
  static constexpr int kRowTiles = Channels == 256 ? 1 : 2;  // of 16 rows, of a warp
  static constexpr int kWarps = kQueryBlock / (16 * kRowTiles);
  static constexpr int kThreads = 32 * kWarps;
  static constexpr int kCodeBytes = Channels * Bits / 8;  // of a row
  static constexpr int kValueBytes = Channels * 2;
  static constexpr int kSteps = kCodeBytes / 32;  // of mma over a row of codes
};

/// One tile of keys.
template <class Shape>
struct alignas(16) MmaStage {
  unsigned char codes[Shape::kKeys][Shape::kCodeBytes];
  unsigned char values[Shape::kKeys][Shape::kValueBytes];
  float scale[Shape::kKeys];
  float rest[Shape::kKeys];
};
/// What a thread keeps of 16 rows of its warp: rows g and g + 8.
template <int Channels>
struct RowState {
  float out[Channels / 8][4];
};

/// The block's problem; in shared memory, as registers are short.
struct MmaBlock {
  QueryBlock rows;
  PrefillSequence sequence;
  std::int64_t key_head;
  std::int64_t position;  // of its first key among all packed ones
  const float* rest;      // of this block's keys, or null
  int tiles;              // of keys that a row may see; more would not fit a GPU
};
template <class Shape>
struct alignas(16) MmaMemory {
  MmaBlock block;
  alignas(16) unsigned char queries[kQueryBlock][Shape::kCodeBytes];
  float top[kQueryBlock], total[kQueryBlock];  // largest score and sum of weights of each row
  float factor[kQueryBlock];  // scales of the queries times what makes scores powers of two
  MmaStage<Shape> stages[2];
};

/// Where 16 bytes of a row lie: rows of one matrix in different banks, whatever their length.
template <int RowBytes>
__device__ inline unsigned char* swizzled(unsigned char (*rows)[RowBytes], int row, int chunk) {
  constexpr int chunks = RowBytes / 16, rows_a_line = RowBytes < 128 ? 128 / RowBytes : 1;
  constexpr int mask = (chunks < 8 ? chunks : 8) - 1;
  return rows[row] + 16 * (chunk ^ (row / rows_a_line & mask));
}

/// Starts to copy Rows rows that lie one after another. A thread's pieces are a multiple of eight
/// rows apart, so that all have the same place in their row.
template <int Threads, int Rows, int RowBytes>
__device__ inline void copy_rows(unsigned char (*to)[RowBytes], const unsigned char* from) {
  constexpr int chunks = RowBytes / 16, step = Threads / chunks;
  static_assert(step % 8 == 0 && Rows % step == 0);
  const int row = static_cast<int>(threadIdx.x) / chunks;
  unsigned char* target = swizzled<RowBytes>(to, row, static_cast<int>(threadIdx.x) % chunks);
  const unsigned char* source = from + threadIdx.x * 16;
  LONGTAIL_UNROLL
  for (int r = 0; r < Rows; r += step) copy_async(target + r * RowBytes, source + r * RowBytes);
}
template <int Threads, int Count>
__device__ inline void copy_floats(float (&to)[Count], const float* from) {
  for (int i = threadIdx.x; i < Count / 4; i += Threads) copy_async(to + 4 * i, from + 4 * i);
}

/// Weights are 2^(s - top + kLift): the largest is 2^15, the smallest normal 2^-14.
constexpr float kLift = 15;

/// Sums of products of codes for 16 rows from `row` on and all keys of the tile.
template <class Shape, int Bits>
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
      if constexpr (Bits == 4) {
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

/// Scores of 16 rows become weights; totals and what is already in `out` follow the new largest
/// score. One of the four threads that share a row writes the row's totals, after all have read.
template <class Shape, int Channels>
__device__ inline void weigh_scores(MmaMemory<Shape>& memory, int row,
                                    float (&scores)[Shape::kKeys / 8][4],
                                    RowState<Channels>& state) {
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
    float sum = 0;
    LONGTAIL_UNROLL
    for (int n = 0; n < Shape::kKeys / 8; ++n) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 2; ++i) {
        const float p = exp2_fast(scores[n][2 * half + i] - (base - kLift));
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
    LONGTAIL_UNROLL
    for (int n = 0; n < Channels / 8; ++n) {
      state.out[n][2 * half] *= kept;
      state.out[n][2 * half + 1] *= kept;
    }
  }
}

/// The rest of the tile: weights times values.
template <class Shape, int Channels, int RowTiles>
__device__ inline void add_values(MmaStage<Shape>& stage,
                                  const FragmentA (&weights)[RowTiles][Shape::kKeys / 16],
                                  RowState<Channels> (&state)[RowTiles]) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LONGTAIL_UNROLL
  for (int k = 0; k < Shape::kKeys / 16; ++k) {
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

/// Output and log-sum-exp of 16 rows.
template <class Shape, int Channels>
__device__ inline void finish_rows(const PrefillPlan& plan, const MmaMemory<Shape>& memory, int row,
                                   const RowState<Channels>& state) {
  const MmaBlock& block = memory.block;
  const auto lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t of_value =
      (block.rows.sequence * plan.key_heads + block.key_head) * attention::kMostChannels;
  LONGTAIL_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int r = row + lane / 4 + 8 * half;
    if (r >= block.rows.count) continue;
    const float top = memory.top[r], total = memory.total[r];
    const bool empty = top == -__builtin_inff() && total == 0;
    const std::int64_t of_row = block.sequence.first_row + block.rows.first + r;
    if (lane % 4 == 0) {
      const std::int64_t position =
          (block.rows.head * plan.query_blocks + block.rows.block) * kQueryBlock + r;
      const float lse = (top - kLift + log2f(total)) * 0x1.62e43p-1f;
      static_cast<float*>(plan.lse.data)[block.sequence.batch * plan.lse.batch +
                                         block.rows.head * plan.lse.head + of_row * plan.lse.row] =
          empty ? -__builtin_inff() : lse + plan.row_constant[position] * plan.scale;
    }
    const float inverse = empty ? 0.0f : 1 / total;
    const std::int64_t to = block.sequence.batch * plan.out.batch +
                            block.rows.head * plan.out.head + of_row * plan.out.row;
    LONGTAIL_UNROLL
    for (int n = 0; n < Channels / 8; ++n) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int c = 8 * n + 2 * (lane % 4) + i;
        if (c >= plan.value_channels) continue;
        const float x = state.out[n][2 * half + i] * inverse * plan.value_scale[of_value + c];
        write_element(plan.out.data, to + c, plan.dtype,
                      empty ? 0.0f : x + plan.value_mean[of_value + c]);
      }
    }
  }
}

/// Starts to copy a tile of keys.
template <class Shape>
__device__ inline void copy_tile(const PrefillPlan& plan, const MmaBlock& block, std::int64_t tile,
                                 MmaStage<Shape>& stage) {
  const std::int64_t key = tile * Shape::kKeys;
  const std::int64_t position = block.position + key;
  copy_rows<Shape::kThreads, Shape::kKeys>(stage.codes,
                                           plan.key_codes + position * Shape::kCodeBytes);
  copy_rows<Shape::kThreads, Shape::kKeys>(
      stage.values, static_cast<const unsigned char*>(plan.values) + position * Shape::kValueBytes);
  copy_floats<Shape::kThreads>(stage.scale, plan.key_scale + position);
  if (block.rest != nullptr) copy_floats<Shape::kThreads>(stage.rest, block.rest + key);
}

/// One tile of keys for the rows of a warp.
template <int Channels, int Bits, bool PerToken>
__device__ inline void attend_tile(
    const PrefillPlan& plan, const MmaBlock& block, MmaMemory<MmaShape<Channels, Bits>>& memory,
    MmaStage<MmaShape<Channels, Bits>>& stage, int row, std::int64_t first_key,
    RowState<Channels> (&state)[MmaShape<Channels, Bits>::kRowTiles]) {
  using Shape = MmaShape<Channels, Bits>;
  const int g = static_cast<int>(threadIdx.x % 32) / 4, t = static_cast<int>(threadIdx.x % 4);
  const std::int64_t last_key = first_key + Shape::kKeys - 1;
  const bool masked = plan.mask.kind != attention::Mask::Kind::none;
  const bool edge = last_key >= visible_keys(plan, block.sequence, block.rows.first + row);
  FragmentA weights[Shape::kRowTiles][Shape::kKeys / 16];
  LONGTAIL_UNROLL
  for (int m = 0; m < Shape::kRowTiles; ++m) {
    int sums[Shape::kKeys / 8][4];
    multiply_codes<Shape, Bits>(memory, stage, row + 16 * m, sums);
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
    weigh_scores(memory, row + 16 * m, scores, state[m]);
    LONGTAIL_UNROLL
    for (int k = 0; k < Shape::kKeys / 16; ++k) {
      LONGTAIL_UNROLL
      for (int part = 0; part < 4; ++part) {
        const float (&pair)[4] = scores[2 * k + part / 2];
        weights[m][k].of[part] = halves(pair[part % 2 * 2], pair[part % 2 * 2 + 1]);
      }
    }
  }
  add_values<Shape>(stage, weights, state);
}

template <int Keys>
__device__ inline MmaBlock find_mma_block(const PrefillPlan& plan, std::int64_t task,
                                          std::int64_t of_launch) {
  MmaBlock block{};
  block.rows = find_query_block(plan, task);
  block.sequence = plan.sequence[block.rows.sequence];
  block.key_head = block.rows.head / (plan.heads / plan.key_heads);
  block.position = (block.key_head * plan.key_tiles + block.sequence.key_tile) * kKeyTile;
  if (plan.smooth_q) block.rest = plan.rest + of_launch * plan.longest_key_tiles * kKeyTile;
  const std::int64_t last_row = block.rows.first + block.rows.count - 1;
  block.tiles =
      static_cast<int>(prefill_blocks(visible_keys(plan, block.sequence, last_row), Keys));
  return block;
}

/// Tasks from first_task on, a block each.
template <int Channels, int Bits, bool PerToken>
__global__ void __launch_bounds__(MmaShape<Channels, Bits>::kThreads)
    prefill_mma(const __grid_constant__ PrefillPlan plan, std::int64_t first_task) {
  using Shape = MmaShape<Channels, Bits>;
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
  RowState<Channels> state[Shape::kRowTiles];
  LONGTAIL_UNROLL
  for (int m = 0; m < Shape::kRowTiles; ++m) {
    LONGTAIL_UNROLL
    for (int n = 0; n < Channels / 8; ++n) {
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
      attend_tile<Channels, Bits, PerToken>(plan, block, memory, memory.stages[tile % 2], row,
                                            first_key, state);
    }
    __syncthreads();  // before this stage is written again
  }
  wait_for_copies<0>();
  LONGTAIL_UNROLL
  for (int m = 0; m < Shape::kRowTiles; ++m) finish_rows(plan, memory, row + 16 * m, state[m]);
}

/// Attention for tasks [begin, end); `launch` as in prefill_run.cuh.
template <int Channels, class Launch>
void run_prefill_mma(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                     const Launch& launch) {
  const auto run = [&]<int Bits>(auto kernel, std::integral_constant<int, Bits>) {
    using Shape = MmaShape<Channels, Bits>;
    // What a block may have on every GPU from sm_80 on.
    static_assert(sizeof(MmaMemory<Shape>) + sizeof(MaskTile<Shape>) <= 99 * 1024);
    const bool masked = plan.mask.kind != attention::Mask::Kind::none;
    launch(kernel, prefill_grid(end - begin), Shape::kThreads,
           sizeof(MmaMemory<Shape>) + (masked ? sizeof(MaskTile<Shape>) : 0), plan, begin);
  };
  if (plan.nibbles) {
    run(prefill_mma<Channels, 4, false>, std::integral_constant<int, 4>());
  } else if (plan.per_token) {
    run(prefill_mma<Channels, 8, true>, std::integral_constant<int, 8>());
  } else {
    run(prefill_mma<Channels, 8, false>, std::integral_constant<int, 8>());
  }
}

}  // namespace longtail::cuda
