// Where the blocks of every sequence begin (PrefillPlan::sequence). Lengths of packed sequences
// stay on the device: no call waits for them.
#pragma once

#include "cuda/attention/prefill_find.cuh"

namespace longtail::cuda {

constexpr int kSequenceThreads = 32;

/// The end of sequence s - 1, not before the end of the one before it and not past `most`, so that
/// wrong lengths read nothing that is not there.
__device__ inline std::int64_t prefill_end(const void* ends, bool is_long, std::int64_t s,
                                           std::int64_t before, std::int64_t most) {
  const std::int64_t end = is_long ? static_cast<const std::int64_t*>(ends)[s]
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
    next.first_row = prefill_end(plan.row_ends, plan.long_row_ends, 0, 0, plan.rows);
    next.first_key = prefill_end(plan.key_ends, plan.long_key_ends, 0, 0, plan.keys);
    for (std::int64_t s = 0; s < count; ++s) {
      const auto row =
          prefill_end(plan.row_ends, plan.long_row_ends, s + 1, next.first_row, plan.rows);
      const auto key =
          prefill_end(plan.key_ends, plan.long_key_ends, s + 1, next.first_key, plan.keys);
      next.rows = row - next.first_row;
      next.keys = key - next.first_key < plan.most_keys ? key - next.first_key : plan.most_keys;
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

}  // namespace longtail::cuda
