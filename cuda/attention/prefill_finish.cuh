// From sums to the output and the log-sum-exp.
#pragma once

#include <cmath>

#include "cuda/attention/prefill_shared.cuh"

namespace longtail::cuda {

/// Output and log-sum-exp of a warp's 16 rows from `row` on. A thread knows of rows g and g + 8 the
/// largest score and the sum of weights 2^(s - top + lift), and out(n, i) of Channels / 8 times 8.
template <int Channels, class Out>
__device__ inline void finish_rows(const PrefillPlan& plan, const MmaBlock& block, int row,
                                   float lift, const float (&tops)[2], const float (&totals)[2],
                                   const Out& out) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t of_value =
      (block.rows.sequence * plan.key_heads + block.key_head) * attention::kMostChannels;
  LONGTAIL_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int r = row + lane / 4 + 8 * half;
    if (r >= block.rows.count) continue;
    const float top = tops[half], total = totals[half];
    const bool empty = top == -__builtin_inff() && total == 0;
    const std::int64_t of_row = block.sequence.first_row + block.rows.first + r;
    if (lane % 4 == 0) {
      const std::int64_t position =
          (block.rows.head * plan.query_blocks + block.rows.block) * kQueryBlock + r;
      const float lse = (top - lift + log2f(total)) * 0x1.62e43p-1f;
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
        const float x = out(n, 2 * half + i) * inverse * plan.value_scale[of_value + c];
        write_element(plan.out.data, to + c, plan.dtype,
                      empty ? 0.0f : x + plan.value_mean[of_value + c]);
      }
    }
  }
}

template <class Shape, int Channels>
__device__ inline void finish_rows(const PrefillPlan& plan, const MmaMemory<Shape>& memory, int row,
                                   const RowState<Channels>& state) {
  const int r = row + static_cast<int>(threadIdx.x % 32) / 4;
  finish_rows<Channels>(plan, memory.block, row, Shape::kLift, {memory.top[r], memory.top[r + 8]},
                        {memory.total[r], memory.total[r + 8]},
                        [&](int n, int i) { return state.out[n][i]; });
}

}  // namespace longtail::cuda
