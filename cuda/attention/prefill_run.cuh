// The kernels of one call in their order. `launch(kernel, grid, threads, shared bytes, arguments
// ...)` starts one: on a stream (prefill_launch.cuh), or on the CPU (tests/cpp/test_prefill_cuda).
#pragma once

#include "cuda/attention/prefill_mma.cuh"
#include "cuda/attention/prefill_pack.cuh"
#include "cuda/attention/prefill_portable.cuh"
#include "cuda/attention/prefill_rest.cuh"
#include "cuda/attention/prefill_statistics.cuh"
#include "cuda/attention/prefill_work.h"

namespace longtail::cuda {

inline dim3 prefill_grid(std::int64_t x, std::int64_t y = 1) {
  return {static_cast<unsigned>(x), static_cast<unsigned>(y), 1};
}

/// Sequences, statistics, codes: all but attention itself.
template <class Launch>
void prepare_prefill(const PrefillPlan& plan, const Launch& launch) {
  const std::int64_t tiles = plan.key_heads * plan.key_tiles;
  const std::int64_t heads = plan.sequences * plan.key_heads;
  launch(prefill_sequences, prefill_grid(1), kSequenceThreads, 0, plan);
  const auto measure = [&](const PrefillTensor& of, int channels, float* mean, float* scale) {
    if (tiles > 0) {
      launch(prefill_tile_statistics, prefill_grid(tiles), kStatisticThreads, 0, plan, of,
             channels);
    }
    launch(prefill_sequence_statistics, prefill_grid(heads), kStatisticThreads, 0, plan, channels,
           plan.smooth_k, mean, scale);
  };
  if (plan.smooth_k) measure(plan.k, plan.channels, plan.key_mean, static_cast<float*>(nullptr));
  if (!plan.strict) measure(plan.v, plan.value_channels, plan.value_mean, plan.value_scale);
  if (tiles > 0) {
    launch(prefill_pack_keys, prefill_grid(tiles), kPackThreads, 0, plan);
    launch(prefill_pack_values, prefill_grid(tiles), kPackThreads, 0, plan);
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

template <int Channels, class Launch>
void run_prefill_portable(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                          const Launch& launch) {
  launch(prefill_portable<Channels>, prefill_grid(end - begin, kQueryBlock / kPortableRows),
         kPortableThreads, sizeof(PortableMemory<Channels>), plan, begin);
}

template <int Channels, class Launch>
void run_prefill_mma(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                     const Launch& launch) {
  const auto run = [&]<int Bits>(auto kernel, std::integral_constant<int, Bits>) {
    using Shape = MmaShape<Channels, Bits>;
    launch(kernel, prefill_grid(end - begin), Shape::kThreads, sizeof(MmaMemory<Shape>), plan,
           begin);
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
