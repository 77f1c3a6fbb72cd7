// What smoothing takes from the scores: rest = qbar . (k - kbar), in float32 and in the order of
// the channels. A thread has one key and up to kRestBlocks blocks of queries at a time.
#pragma once

#include "cuda/attention/prefill_element.cuh"
#include "cuda/attention/prefill_sequences.cuh"

namespace longtail::cuda {

constexpr int kRestThreads = 2 * kKeyTile;  // keys of a block
constexpr int kRestBlocks = 16;
constexpr int kRestChannels = 32;  // at a time

struct RestMemory {
  float mean[kRestBlocks][attention::kMostChannels];
  float keys[kRestChannels][kRestThreads + 1];
};

/// Of `count` blocks of queries of the same head and sequence from `task` on.
__device__ inline void rest_of_blocks(const PrefillPlan& plan, const QueryBlock& block,
                                      std::int64_t task, std::int64_t first_task, int count,
                                      RestMemory& memory) {
  const PrefillSequence& sequence = plan.sequence[block.sequence];
  const std::int64_t first = std::int64_t{blockIdx.x} * kRestThreads;
  const std::int64_t left = sequence.keys - first;
  const std::int64_t key_head = block.head / (plan.heads / plan.key_heads);
  const std::int64_t begin = row_offset(plan.k, sequence, key_head, sequence.first_key + first);
  const float* mean =
      plan.key_mean + (block.sequence * plan.key_heads + key_head) * attention::kMostChannels;
  const auto key = static_cast<int>(threadIdx.x);
  for (int i = key; i < count * plan.channels; i += kRestThreads) {
    const int b = i / plan.channels, c = i % plan.channels;
    memory.mean[b][c] = plan.query_mean[(task + b) * attention::kMostChannels + c];
  }
  float sums[kRestBlocks] = {};
  for (int start = 0; start < plan.channels; start += kRestChannels) {
    const int channels =
        plan.channels - start < kRestChannels ? plan.channels - start : kRestChannels;
    for (int i = key; i < kRestThreads * kRestChannels; i += kRestThreads) {
      const int r = i / kRestChannels, c = i % kRestChannels;
      const bool there = r < left && c < channels;
      memory.keys[c][r] =
          there ? read_element(plan.k.data, begin + r * plan.k.row + start + c, plan.dtype) -
                      mean[start + c]
                : 0.0f;
    }
    __syncthreads();
    for (int c = 0; c < channels; ++c) {
      const float x = memory.keys[c][key];
      LONGTAIL_UNROLL
      for (int b = 0; b < kRestBlocks; ++b) {
        sums[b] = fmaf(memory.mean[b][start + c], x, sums[b]);
      }
    }
    __syncthreads();
  }
  const float unit = plan.scale * 0x1.715476p+0f;
  const std::int64_t length = plan.longest_key_tiles * kKeyTile;
  LONGTAIL_UNROLL
  for (int b = 0; b < kRestBlocks; ++b) {
    if (b < count && first + key < length) {
      plan.rest[(task - first_task + b) * length + first + key] = sums[b] * unit;
    }
  }
}

/// Blocks of queries [first_task, last_task): a block for every kRestThreads keys (x) and every
/// kRestBlocks of them (y).
__global__ void __launch_bounds__(kRestThreads)
    prefill_rest(const __grid_constant__ PrefillPlan plan, std::int64_t first_task,
                 std::int64_t last_task) {
  __shared__ RestMemory memory;
  const std::int64_t begin = first_task + std::int64_t{blockIdx.y} * kRestBlocks;
  const std::int64_t end = begin + kRestBlocks < last_task ? begin + kRestBlocks : last_task;
  for (std::int64_t task = begin; task < end;) {
    const QueryBlock block = find_query_block(plan, task);
    std::int64_t next = task + 1;
    while (next < end) {
      const QueryBlock other = find_query_block(plan, next);
      if (other.head != block.head || other.sequence != block.sequence) break;
      ++next;
    }
    const PrefillSequence& sequence = plan.sequence[block.sequence];
    const std::int64_t last_row = block.first + (next - task) * kQueryBlock - 1;
    const std::int64_t first_key = std::int64_t{blockIdx.x} * kRestThreads;
    if (block.count > 0 && first_key < visible_keys(plan, sequence, last_row)) {
      rest_of_blocks(plan, block, task, first_task, static_cast<int>(next - task), memory);
    }
    task = next;
  }
}

}  // namespace longtail::cuda
