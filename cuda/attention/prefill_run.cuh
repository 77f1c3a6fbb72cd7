// The kernels before attention in their order. `launch(kernel, grid, threads, shared bytes,
// arguments...)` starts one: on a stream (prefill_launch.cuh) or on the CPU (the tests).
#pragma once

#include "cuda/attention/prefill_pack.cuh"
#include "cuda/attention/prefill_rest.cuh"
#include "cuda/attention/prefill_sequences.cuh"
#include "cuda/attention/prefill_statistics.cuh"
#include "cuda/attention/prefill_values.cuh"
#include "cuda/attention/prefill_work.h"

namespace longtail::cuda {

/// Sequences, statistics, codes: all but attention itself.
template <class Launch>
void prepare_prefill(const PrefillPlan& plan, const Launch& launch) {
  const std::int64_t tiles = plan.key_heads * plan.key_tiles;
  const std::int64_t heads = plan.sequences * plan.key_heads;
  launch(prefill_sequences, prefill_grid(1), kSequenceThreads, 0, plan);
  const auto measure = [&](const PrefillTensor& of, int channels, float* mean, bool of_values) {
    if (tiles > 0) {
      launch(prefill_tile_statistics, prefill_grid(tiles), kStatisticThreads, 0, plan, of,
             channels);
    }
    if (heads > 0) {
      launch(prefill_sequence_statistics, prefill_grid(heads), kStatisticThreads, 0, plan, channels,
             mean, of_values);
    }
  };
  if (plan.smooth_k) measure(plan.k, plan.channels, plan.key_mean, false);
  if (!plan.strict) measure(plan.v, plan.value_channels, plan.value_mean, true);
  if (tiles > 0) {
    launch(prefill_pack_keys, prefill_grid(tiles), kPackThreads, 0, plan);
    launch(plan.value_format == ValueFormat::e4m3 ? prefill_pack_e4m3 : prefill_pack_values,
           prefill_grid(tiles), kPackThreads, 0, plan);
  }
  const std::int64_t tasks = prefill_tasks(plan);
  if (tasks > 0) launch(prefill_pack_queries, prefill_grid(tasks), kPackThreads, 0, plan);
}

/// What smoothing takes from the scores of tasks [begin, end).
template <class Launch>
void run_prefill_rest(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                      const Launch& launch) {
  const std::int64_t keys = plan.longest_key_tiles * kKeyTile;
  if (!plan.smooth_q || keys == 0) return;
  launch(prefill_rest,
         prefill_grid(prefill_blocks(keys, kRestThreads), prefill_blocks(end - begin, kRestBlocks)),
         kRestThreads, 0, plan, begin, end);
}

}  // namespace longtail::cuda
