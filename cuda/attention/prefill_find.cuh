// Which sequence a block belongs to. Grids are as large as they may have to be; blocks beyond the
// last sequence end at once.
#pragma once

#include "cuda/attention/prefill_plan.h"

namespace longtail::cuda {

__host__ __device__ inline std::int64_t prefill_blocks(std::int64_t length, std::int64_t block) {
  return (length + block - 1) / block;
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

/// Rows or keys of one head that belong together.
struct HeadBlock {
  std::int64_t head, sequence, block, first;  // block: of all; first: within the sequence
  int count;                                  // 0: there is no such block
};

/// Block `task` of `size` numbers; `blocks` of them each head has, a sequence those from `begin` on
/// for its `length`.
__device__ inline HeadBlock find_block(const PrefillPlan& plan, std::int64_t task,
                                       std::int64_t blocks, int size,
                                       std::int64_t PrefillSequence::* begin,
                                       std::int64_t PrefillSequence::* length) {
  HeadBlock result{};
  result.head = task / blocks;
  result.block = task % blocks;
  result.sequence = find_sequence(plan, begin, result.block);
  const PrefillSequence& sequence = plan.sequence[result.sequence];
  result.first = (result.block - sequence.*begin) * size;
  const std::int64_t left = sequence.*length - result.first;
  result.count = left > size ? size : left < 0 ? 0 : static_cast<int>(left);
  return result;
}

struct KeyTile : HeadBlock {};
__device__ inline KeyTile find_key_tile(const PrefillPlan& plan, std::int64_t task) {
  return {find_block(plan, task, plan.key_tiles, kKeyTile, &PrefillSequence::key_tile,
                     &PrefillSequence::keys)};
}

struct QueryBlock : HeadBlock {};
__device__ inline QueryBlock find_query_block(const PrefillPlan& plan, std::int64_t task) {
  return {find_block(plan, task, plan.query_blocks, kQueryBlock, &PrefillSequence::query_block,
                     &PrefillSequence::rows)};
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
