// From sums to the output and the log-sum-exp.
#pragma once

#include <cmath>

#include "cuda/attention/prefill_shared.cuh"

namespace longtail::cuda {

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
      const float lse = (top - Shape::kLift + log2f(total)) * 0x1.62e43p-1f;
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

}  // namespace longtail::cuda
