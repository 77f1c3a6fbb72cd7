// From a problem to a plan: how its options act, and how much memory the work takes. Plain C++,
// shared by the launches and the tests that run the kernels on the CPU.
#pragma once

#include <algorithm>

#include "core/buffer.h"
#include "cuda/attention/prefill_path.h"
#include "cuda/attention/prefill_plan.h"

namespace longtail::cuda {

inline std::int64_t prefill_tasks(const PrefillPlan& plan) {
  return plan.heads * plan.query_blocks;
}

/// Blocks of queries in one launch: what plan.rest_bytes hold, and a grid's y takes 65535 times 16.
inline std::int64_t prefill_tasks_at_a_time(const PrefillPlan& plan) {
  const std::int64_t bytes = plan.longest_key_tiles * kKeyTile * std::int64_t{sizeof(float)};
  const std::int64_t most = plan.smooth_q && bytes > 0
                                ? std::max<std::int64_t>(1, plan.rest_bytes / bytes)
                                : std::int64_t{1} << 19;
  return std::min({most, std::int64_t{1} << 19, prefill_tasks(plan)});
}

inline dim3 prefill_grid(std::int64_t x, std::int64_t y = 1) {
  return {static_cast<unsigned>(x), static_cast<unsigned>(y), 1};
}

/// Calls visit(first task, behind the last) for every launch.
template <class Visit>
void for_task_ranges(const PrefillPlan& plan, const Visit& visit) {
  const std::int64_t tasks = prefill_tasks(plan), step = prefill_tasks_at_a_time(plan);
  for (std::int64_t begin = 0; begin < tasks; begin += step) {
    visit(begin, std::min(tasks, begin + step));
  }
}

/// Fills in what follows from the problem's sizes and the options.
inline void set_options(PrefillPlan& plan, const attention::Options& options, PrefillPath path) {
  using attention::Codes, attention::Smooth;
  plan.strict = options.strict;
  plan.per_token = options.strict || options.codes == Codes::q8k4;
  plan.smooth_q = options.smooth == Smooth::qk && !options.strict;
  plan.smooth_k = options.smooth != Smooth::none && !options.strict;
  plan.rotate = options.rotate;
  plan.causal = options.causal;
  plan.scale = options.scale;
  plan.query_largest = options.codes == Codes::int4 ? 7 : 127;
  plan.key_largest = options.codes == Codes::int8 ? 127 : 7;
  plan.score_channels = static_cast<int>(attention::score_channels(plan.channels, options));
  const int most = std::max(plan.score_channels, plan.value_channels);
  plan.stored_channels = most <= 64 ? 64 : most <= 128 ? 128 : 256;
  plan.in_panels = path == PrefillPath::wgmma && !options.strict;
  plan.nibbles = has_short_codes(path) && options.codes == Codes::int4 && !options.strict;
  plan.value_format = is_fp8(path) && !options.strict ? ValueFormat::e4m3 : ValueFormat::half;
  const auto blocks = [](std::int64_t length, std::int64_t block) {
    return (length + block - 1) / block;
  };
  const bool packed = plan.row_ends != nullptr;
  if (!packed) {
    plan.sequences = plan.batch;
    plan.most_keys = plan.keys;
  }
  plan.most_keys = std::clamp<std::int64_t>(plan.most_keys, 0, plan.keys);
  plan.longest_key_tiles = blocks(plan.most_keys, kKeyTile);
  // Of packed sequences only the sums of the lengths are known: each may waste a block.
  plan.query_blocks = packed ? blocks(plan.rows, kQueryBlock) + plan.sequences
                             : plan.sequences * blocks(plan.rows, kQueryBlock);
  plan.key_tiles =
      packed ? plan.longest_key_tiles + plan.sequences : plan.sequences * plan.longest_key_tiles;
}

/// Lays the work out in memory.
inline void place_work(PrefillPlan& plan, Layout& layout) {
  constexpr std::int64_t channels = attention::kMostChannels;
  const std::int64_t tiles = plan.key_heads * plan.key_tiles, keys = tiles * kKeyTile;
  const std::int64_t blocks = plan.heads * plan.query_blocks, rows = blocks * kQueryBlock;
  const std::int64_t heads = plan.sequences * plan.key_heads;
  const std::int64_t bytes = plan.nibbles ? plan.stored_channels / 2 : plan.stored_channels;
  plan.sequence = layout.place<PrefillSequence>(plan.sequences + 1);
  plan.sum = layout.place<double>(tiles * channels);
  plan.low = layout.place<float>(tiles * channels);
  plan.high = layout.place<float>(tiles * channels);
  plan.key_mean = layout.place<float>(heads * channels);
  plan.value_mean = layout.place<float>(heads * channels);
  plan.value_scale = layout.place<float>(heads * channels);
  plan.value_inverse = layout.place<float>(heads * channels);
  plan.key_codes = layout.place<unsigned char>(keys * bytes);
  plan.key_scale = layout.place<float>(keys);
  const std::int64_t value_bytes = plan.value_format == ValueFormat::e4m3 ? 1 : 2;
  plan.values =
      layout.place<unsigned char>(plan.strict ? 0 : keys * plan.stored_channels * value_bytes);
  plan.query_codes = layout.place<unsigned char>(rows * bytes);
  plan.query_scale = layout.place<float>(rows);
  plan.row_constant = layout.place<float>(rows);
  plan.query_mean = layout.place<float>(plan.smooth_q ? blocks * channels : 0);
  plan.rest = layout.place<float>(
      plan.smooth_q ? prefill_tasks_at_a_time(plan) * plan.longest_key_tiles * kKeyTile : 0);
}

}  // namespace longtail::cuda
