// What a block of prefill_mma.cuh has in shared memory, and how it gets there: the queries, and two
// stages of keys, of which the next is copied while the other is used.
#pragma once

#include "cuda/attention/prefill_find.cuh"
#include "cuda/attention/prefill_warp.cuh"
#include "cuda/attention/prefill_work.h"

namespace longtail::cuda {

/// Channels: 64, 128 or 256, of codes and values; Bits of a code in memory: 4 or 8; Format of the
/// values, and so of the weights.
template <int Channels, int Bits, ValueFormat Format>
struct MmaShape {
  static constexpr bool kFp8 = Format == ValueFormat::e4m3;
  static constexpr int kChannels = Channels, kBits = Bits;
  static constexpr int kKeys = Channels == 256 ? 32 : 64;    // of a tile
  static constexpr int kRowTiles = Channels == 256 ? 1 : 2;  // of 16 rows, of a warp
  static constexpr int kWarps = kQueryBlock / (16 * kRowTiles);
  static constexpr int kThreads = 32 * kWarps;
  static constexpr int kBlocks = Channels == 64 ? 3 : 1;  // of a multiprocessor: registers for them
  static constexpr int kCodeBytes = Channels * Bits / 8;  // of a row
  static constexpr int kSteps = kCodeBytes / 32;          // of mma over a row of codes
  // In float16 a row has a key's values, in FP8 a channel's.
  static constexpr int kValueRows = kFp8 ? Channels : kKeys;
  static constexpr int kValueBytes = kFp8 ? kKeys : Channels * 2;  // of a row
  static constexpr int kWeightSteps = kKeys / (kFp8 ? 32 : 16);    // of mma over the keys
  // Weights are 2^(s - top + kLift): the largest is 2^15 and the smallest normal one 2^-14, or in
  // FP8 448 and 2^-6.
  static constexpr float kLift = kFp8 ? 8.807354922f : 15.0f;
};

/// One tile of keys.
template <class Shape>
struct alignas(16) MmaStage {
  unsigned char codes[Shape::kKeys][Shape::kCodeBytes];
  unsigned char values[Shape::kValueRows][Shape::kValueBytes];
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

/// Values from key `position` on. In FP8 they lie in tiles of kKeyTile keys, swizzled as they are
/// to be; half a tile is cut out of every row.
template <class Shape>
__device__ inline void copy_values(const unsigned char* from, std::int64_t position,
                                   unsigned char (*to)[Shape::kValueBytes]) {
  constexpr int rows = Shape::kValueRows, chunks = Shape::kValueBytes / 16;
  if constexpr (!Shape::kFp8) {
    copy_rows<Shape::kThreads, rows>(to, from + position * Shape::kValueBytes);
  } else {
    const unsigned char* tile = from + position / kKeyTile * kKeyTile * rows;
    if constexpr (Shape::kKeys == kKeyTile) {
      auto* target = reinterpret_cast<unsigned char*>(to) + 16 * threadIdx.x;
      const unsigned char* source = tile + 16 * threadIdx.x;
      constexpr int step = 16 * Shape::kThreads, bytes = 16 * rows * chunks;
      static_assert(bytes % step == 0);
      LONGTAIL_UNROLL
      for (int at = 0; at < bytes; at += step) copy_async(target + at, source + at);
    } else {
      const int first_chunk = static_cast<int>(position % kKeyTile) / 16;
      for (int i = threadIdx.x; i < rows * chunks; i += Shape::kThreads) {
        const int row = i / chunks, chunk = i % chunks;
        copy_async(swizzled<Shape::kValueBytes>(to, row, chunk),
                   tile + row * kKeyTile + 16 * value_chunk(row, first_chunk + chunk));
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
  copy_values<Shape>(static_cast<const unsigned char*>(plan.values), position, stage.values);
  copy_floats<Shape::kThreads>(stage.scale, plan.key_scale + position);
  if (block.rest != nullptr) copy_floats<Shape::kThreads>(stage.rest, block.rest + key);
}

}  // namespace longtail::cuda
