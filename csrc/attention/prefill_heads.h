// How prefill.cpp sees a problem: the options as they act, and heads of keys and values that are
// packed before rows attend to them.
#pragma once

#include <algorithm>

#include "attention/prefill_level.h"
#include "attention/quantise.h"
#include "core/buffer.h"

namespace longtail::attention {

/// Those of this machine's level.
const PrefillKernels& prefill_kernels();

// Channels of a padded row of floats.
inline constexpr int kPadded = kMeanFloats;

inline std::int64_t blocks_of(std::int64_t length, std::int64_t block) {
  return (length + block - 1) / block;
}
inline int count_of(std::int64_t length, std::int64_t first, std::int64_t block) {
  return static_cast<int>(std::min(block, length - first));
}

inline float largest_query(Codes codes) { return codes == Codes::int4 ? 7 : 127; }
inline float largest_key(Codes codes) { return codes == Codes::int8 ? 127 : 7; }

/// The options as they act: strict causality knows neither means nor shared scales.
struct Plan {
  explicit Plan(const Problem& problem)
      : problem(problem),
        strict(problem.options.strict),
        smooth_q(problem.options.smooth == Smooth::qk && !strict),
        smooth_k(problem.options.smooth != Smooth::none && !strict) {
    const bool per_token = strict || problem.options.codes == Codes::q8k4;
    const auto format = [&](float largest) {
      return CodeFormat{largest, per_token, problem.options.rotate,
                        int(score_channels(problem.channels, problem.options))};
    };
    query = format(largest_query(problem.options.codes));
    key = format(largest_key(problem.options.codes));
    sizes = prefill_kernels().sizes(key.channels, int(problem.value_channels), strict);
  }

  /// Rows [first, first + count) of a head.
  Rows rows(const InputHeads& of, std::int64_t batch, std::int64_t head, std::int64_t first,
            int count, std::int64_t channels) const {
    const std::int64_t size = item_size(problem.dtype);
    return {of.data + (batch * of.batch + head * of.head + first * of.row) * size, problem.dtype,
            of.row * size, count, int(channels)};
  }

  const Problem& problem;
  bool strict, smooth_q, smooth_k;
  CodeFormat query, key;
  PackedSizes sizes;
};

/// The statistics of one tensor's channels in one head.
struct Channels {
  float *mean, *scale, *inverse;  // [kPadded]

  void place(Layout& layout) {
    mean = layout.place<float>(kPadded);
    scale = layout.place<float>(kPadded);
    inverse = layout.place<float>(kPadded);
  }
};

/// Keys and values of one sequence and head, and where they go.
struct PackedSequence {
  const Sequence* sequence;
  std::int64_t head;
  Channels key, value;
  std::byte *key_codes, *value_codes;
  float* key_scale;
  std::int32_t* value_sum;
  std::uint8_t* quiet;
  std::int32_t* quiet_count;

  std::int64_t blocks() const { return blocks_of(sequence->keys, kKeyBlock); }

  void place(const Plan& plan, Layout& layout) {
    const std::int64_t count = blocks();
    key.place(layout);
    value.place(layout);
    key_codes = layout.place<std::byte>(count * plan.sizes.key_block);
    value_codes = layout.place<std::byte>(count * plan.sizes.value_block);
    key_scale = layout.place<float>(count * kKeyBlock);
    value_sum = layout.place<std::int32_t>(count * plan.sizes.value_channels);
    quiet = layout.place<std::uint8_t>(count * kKeyBlock);
    quiet_count = layout.place<std::int32_t>(count);
  }

  PackedHead packed(const Plan& plan) const {
    return {key_codes,
            key_scale,
            plan.smooth_k ? key.mean : nullptr,
            value_codes,
            plan.strict ? nullptr : value.scale,
            plan.smooth_k ? value.mean : nullptr,
            value_sum,
            quiet,
            quiet_count,
            plan.rows(plan.problem.v, sequence->batch, head, sequence->first_key, 0,
                      plan.problem.value_channels),
            value.inverse};
  }
};

/// Takes the statistics of a head's keys and values.
void measure_head(const Plan& plan, const PackedSequence& head, const ParallelFor& parallel_for);

/// Rows of k or v that make a block of keys, and the jobs that pack or dequantise it; what they
/// write is for the caller to fill in.
Rows keys_of(const Plan& plan, const InputHeads& of, const PackedSequence& head, std::int64_t block,
             std::int64_t channels);
KeyJob key_job(const Plan& plan, const PackedSequence& head, std::int64_t block);
ValueJob value_job(const Plan& plan, const PackedSequence& head, std::int64_t block);

/// Packs a block of keys and its values into the head's memory.
void pack_block(const Plan& plan, const PackedSequence& head, std::int64_t block);

}  // namespace longtail::attention
