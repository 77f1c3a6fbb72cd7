// Which sequence a block belongs to. Lengths of packed sequences stay on the device: grids are as
// large as they may have to be, and blocks beyond the last sequence end at once.
#pragma once

#include "cuda/attention/prefill_plan.h"

namespace longtail::cuda {

constexpr int kSequenceThreads = 32;

__device__ inline std::int64_t prefill_blocks(std::int64_t length, std::int64_t block) {
  return (length + block - 1) / block;
}

/// The end of sequence s - 1, not before the end of the one before it and not past `most`, so that
/// wrong lengths read nothing that is not there.
__device__ inline std::int64_t prefill_end(const PrefillPlan& plan, const void* ends,
                                           std::int64_t s, std::int64_t before, std::int64_t most) {
  const std::int64_t end = plan.long_ends ? static_cast<const std::int64_t*>(ends)[s]
                                          : static_cast<const std::int32_t*>(ends)[s];
  return end < before ? before : end > most ? most : end;
}

/// Fills plan.sequence. One thread goes through packed sequences, as each begins where the one
/// before it ends.
__global__ void __launch_bounds__(kSequenceThreads)
    prefill_sequences(const __grid_constant__ PrefillPlan plan) {
  const std::int64_t count = plan.sequences;
  if (plan.row_ends == nullptr) {
    const std::int64_t blocks = prefill_blocks(plan.rows, kQueryBlock);
    const std::int64_t tiles = prefill_blocks(plan.keys, kKeyTile);
    for (std::int64_t s = threadIdx.x; s <= count; s += kSequenceThreads) {
      const bool last = s == count;
      plan.sequence[s] = {s,          0,        last ? 0 : plan.rows, 0, last ? 0 : plan.keys,
                          s * blocks, s * tiles};
    }
  } else if (threadIdx.x == 0) {
    PrefillSequence next{};
    next.first_row = prefill_end(plan, plan.row_ends, 0, 0, plan.rows);
    next.first_key = prefill_end(plan, plan.key_ends, 0, 0, plan.keys);
    for (std::int64_t s = 0; s < count; ++s) {
      const auto row = prefill_end(plan, plan.row_ends, s + 1, next.first_row, plan.rows);
      const auto key = prefill_end(plan, plan.key_ends, s + 1, next.first_key, plan.keys);
      next.rows = row - next.first_row;
      next.keys = key - next.first_key;
      plan.sequence[s] = next;
      next.first_row = row;
      next.first_key = key;
      next.query_block += prefill_blocks(next.rows, kQueryBlock);
      next.key_tile += prefill_blocks(next.keys, kKeyTile);
    }
    next.rows = next.keys = 0;
    plan.sequence[count] = next;
  }
}

/// The last sequence whose first block (of the kind `first`) is not after `block`; the empty one at
/// the end for blocks of none.
__device__ inline std::int64_t find_sequence(const PrefillPlan& plan,
                                             std::int64_t PrefillSequence::* first,
                                             std::int64_t block) {
  std::int64_t low = 0, high = plan.sequences;
  while (low < high) {
    const std::int64_t middle = (low + high + 1) / 2;
    if (plan.sequence[middle].*first <= block) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

/// A tile of keys of one head.
struct KeyTile {
  std::int64_t head, sequence, tile, first;  // tile: of all; first: key within the sequence
  int count;                                 // keys; 0: there is no such tile
};

__device__ inline KeyTile find_key_tile(const PrefillPlan& plan, std::int64_t task) {
  KeyTile result{};
  result.head = task / plan.key_tiles;
  result.tile = task % plan.key_tiles;
  result.sequence = find_sequence(plan, &PrefillSequence::key_tile, result.tile);
  const PrefillSequence& sequence = plan.sequence[result.sequence];
  result.first = (result.tile - sequence.key_tile) * kKeyTile;
  const std::int64_t left = sequence.keys - result.first;
  result.count = left > kKeyTile ? kKeyTile : left < 0 ? 0 : static_cast<int>(left);
  return result;
}

/// A block of rows of one head.
struct QueryBlock {
  std::int64_t head, sequence, block, first;  // block: of all; first: row within the sequence
  int count;                                  // rows; 0: there is no such block
};

__device__ inline QueryBlock find_query_block(const PrefillPlan& plan, std::int64_t task) {
  QueryBlock result{};
  result.head = task / plan.query_blocks;
  result.block = task % plan.query_blocks;
  result.sequence = find_sequence(plan, &PrefillSequence::query_block, result.block);
  const PrefillSequence& sequence = plan.sequence[result.sequence];
  result.first = (result.block - sequence.query_block) * kQueryBlock;
  const std::int64_t left = sequence.rows - result.first;
  result.count = left > kQueryBlock ? kQueryBlock : left < 0 ? 0 : static_cast<int>(left);
  return result;
}

/// The element where a row's channels begin.
__device__ inline std::int64_t row_offset(const PrefillTensor& of, const PrefillSequence& sequence,
                                          std::int64_t head, std::int64_t row) {
  return sequence.batch * of.batch + head * of.head + row * of.row;
}

/// Keys that row `row` of a sequence sees: the first so many.
__device__ inline std::int64_t visible_keys(const PrefillPlan& plan,
                                            const PrefillSequence& sequence, std::int64_t row) {
  if (plan.causal == attention::Causal::none) return sequence.keys;
  const bool at_end = plan.causal == attention::Causal::bottom_right;
  const std::int64_t seen = row + 1 + (at_end ? sequence.keys - sequence.rows : 0);
  return seen < 0 ? 0 : seen < sequence.keys ? seen : sequence.keys;
}

}  // namespace longtail::cuda
