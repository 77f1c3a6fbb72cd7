#include "attention/prefill_heads.h"

#include <cmath>
#include <limits>
#include <vector>

namespace longtail::attention {
namespace {

// Keys whose statistics are one sum.
constexpr std::int64_t kStatisticKeys = 1024;

/// Sums over a piece of the keys.
struct Piece {
  std::vector<double> sum;
  std::vector<float> low, high;
  bool abnormal = false;

  explicit Piece(std::int64_t channels)
      : sum(channels),
        low(channels, std::numeric_limits<float>::infinity()),
        high(channels, -std::numeric_limits<float>::infinity()) {}

  void take(const Piece& other) {
    for (std::size_t c = 0; c < sum.size(); ++c) {
      sum[c] += other.sum[c];
      low[c] = std::min(low[c], other.low[c]);
      high[c] = std::max(high[c], other.high[c]);
    }
    abnormal = abnormal || other.abnormal;
  }
};

/// Mean, scale and inverse scale of every channel, by way of pieces in a fixed order.
void channel_statistics(const Plan& plan, const InputHeads& of, std::int64_t channels, bool smooth,
                        const PackedSequence& head, const Channels& result,
                        const ParallelFor& parallel_for) {
  const Sequence& sequence = *head.sequence;
  const std::int64_t count = blocks_of(sequence.keys, kStatisticKeys);
  std::vector<Piece> pieces(count, Piece(channels));
  run_parallel(parallel_for, 0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t first = p * kStatisticKeys;
      const int keys = count_of(sequence.keys, first, kStatisticKeys);
      prefill_kernels().channel_statistics(
          {plan.rows(of, sequence.batch, head.head, sequence.first_key + first, keys, channels),
           pieces[p].sum.data(), pieces[p].low.data(), pieces[p].high.data(), &pieces[p].abnormal});
    }
  });
  Piece total(channels);
  for (const Piece& piece : pieces) total.take(piece);
  std::fill_n(result.mean, kPadded, 0.0f);
  std::fill_n(result.scale, kPadded, 0.0f);
  std::fill_n(result.inverse, kPadded, 0.0f);
  if (sequence.keys == 0) return;  // nothing is the largest of nothing
  for (std::int64_t c = 0; c < channels; ++c) {
    if (smooth) result.mean[c] = float(total.sum[c] / double(sequence.keys));
    const float high = total.high[c] - result.mean[c], low = total.low[c] - result.mean[c];
    const float spoilt = total.abnormal ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
    const float largest = std::max(std::abs(high), std::abs(low)) + spoilt;
    result.scale[c] = group_scale(largest, 127);
    result.inverse[c] = group_inverse(largest, 127);
  }
}

}  // namespace

const PrefillKernels& prefill_kernels() {
  static constexpr PerDotLevel<const PrefillKernels*> levels =
      LONGTAIL_ADDRESS_PER_DOT_LEVEL(kPrefillKernels);
  return *levels[cpu_level()];
}

void measure_head(const Plan& plan, const PackedSequence& head, const ParallelFor& parallel_for) {
  const Problem& problem = plan.problem;
  if (plan.smooth_k) {
    channel_statistics(plan, problem.k, problem.channels, true, head, head.key, parallel_for);
  }
  if (!plan.strict) {
    channel_statistics(plan, problem.v, problem.value_channels, plan.smooth_k, head, head.value,
                       parallel_for);
  }
}

Rows keys_of(const Plan& plan, const InputHeads& of, const PackedSequence& head, std::int64_t block,
             std::int64_t channels) {
  const Sequence& sequence = *head.sequence;
  const std::int64_t first = block * kKeyBlock;
  return plan.rows(of, sequence.batch, head.head, sequence.first_key + first,
                   count_of(sequence.keys, first, kKeyBlock), channels);
}

KeyJob key_job(const Plan& plan, const PackedSequence& head, std::int64_t block) {
  return {.rows = keys_of(plan, plan.problem.k, head, block, plan.problem.channels),
          .format = plan.key,
          .mean = plan.smooth_k ? head.key.mean : nullptr,
          .codes = nullptr,
          .scale = nullptr,
          .dequantised = nullptr,
          .dequantised_stride = 0};
}

ValueJob value_job(const Plan& plan, const PackedSequence& head, std::int64_t block) {
  return {.rows = keys_of(plan, plan.problem.v, head, block, plan.problem.value_channels),
          .mean = plan.smooth_k ? head.value.mean : nullptr,
          .inverse = plan.strict ? nullptr : head.value.inverse,
          .codes = nullptr,
          .sum = nullptr,
          .quiet = nullptr,
          .quiet_count = nullptr,
          .scale = head.value.scale,
          .dequantised = nullptr,
          .dequantised_stride = 0};
}

void pack_block(const Plan& plan, const PackedSequence& head, std::int64_t block) {
  KeyJob key = key_job(plan, head, block);
  key.codes = head.key_codes + block * plan.sizes.key_block;
  key.scale = head.key_scale + block * kKeyBlock;
  prefill_kernels().pack_keys(key);
  ValueJob value = value_job(plan, head, block);
  value.codes = head.value_codes + block * plan.sizes.value_block;
  value.sum = head.value_sum + block * plan.sizes.value_channels;
  value.quiet = head.quiet + block * kKeyBlock;
  value.quiet_count = head.quiet_count + block;
  prefill_kernels().pack_values(value);
}

}  // namespace longtail::attention
