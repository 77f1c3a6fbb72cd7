// Means of channels over the keys of a sequence, and the ranges of values: tile by tile, then over
// tiles, in the order of the keys and in float64.
#pragma once

#include "cuda/attention/prefill_element.cuh"
#include "cuda/attention/prefill_find.cuh"

namespace longtail::cuda {

constexpr int kStatisticThreads = 128;

/// Sums and ranges over one tile of keys or values; a block for each tile and head.
__global__ void __launch_bounds__(kStatisticThreads)
    prefill_tile_statistics(const __grid_constant__ PrefillPlan plan, PrefillTensor of,
                            int channels) {
  const KeyTile tile = find_key_tile(plan, blockIdx.x);
  if (tile.count == 0) return;
  const PrefillSequence& sequence = plan.sequence[tile.sequence];
  const std::int64_t begin = row_offset(of, sequence, tile.head, sequence.first_key + tile.first);
  const std::int64_t to = std::int64_t{blockIdx.x} * attention::kMostChannels;
  for (int c = threadIdx.x; c < channels; c += kStatisticThreads) {
    double sum = 0;
    float low = __builtin_inff(), high = -__builtin_inff();
    for (int r = 0; r < tile.count; ++r) {
      const float x = read_element(of.data, begin + r * of.row + c, plan.dtype);
      sum += static_cast<double>(x);
      low = x < low ? x : low;
      high = x > high ? x : high;
    }
    plan.sum[to + c] = sum;
    plan.low[to + c] = low;
    plan.high[to + c] = high;
  }
}

/// 2^e with amax < 2^e, at most 2^127: what float16 values are divided by.
__device__ inline float value_unit(float amax) {
  const auto exponent = static_cast<int>(bits_as<std::uint32_t>(amax) >> 23) - 127 + 1;
  const int bounded = exponent < -100 ? -100 : exponent > 127 ? 127 : exponent;
  return bits_as<float>(static_cast<std::uint32_t>(bounded + 127) << 23);
}

/// From tiles to the sequence; a block for each sequence and head. Values have scales too.
__global__ void __launch_bounds__(kStatisticThreads)
    prefill_sequence_statistics(const __grid_constant__ PrefillPlan plan, int channels, float* mean,
                                bool of_values) {
  const std::int64_t head = blockIdx.x % plan.key_heads, s = blockIdx.x / plan.key_heads;
  const PrefillSequence& sequence = plan.sequence[s];
  const std::int64_t tiles = prefill_blocks(sequence.keys, kKeyTile);
  const std::int64_t from = head * plan.key_tiles + sequence.key_tile;
  const std::int64_t to = (s * plan.key_heads + head) * attention::kMostChannels;
  for (int c = threadIdx.x; c < attention::kMostChannels; c += kStatisticThreads) {
    double sum = 0;
    float low = 0, high = 0;
    for (std::int64_t t = 0; c < channels && t < tiles; ++t) {
      const std::int64_t at = (from + t) * attention::kMostChannels + c;
      sum += plan.sum[at];
      low = t == 0 || plan.low[at] < low ? plan.low[at] : low;
      high = t == 0 || plan.high[at] > high ? plan.high[at] : high;
    }
    const bool any = c < channels && tiles > 0;
    const float middle = plan.smooth_k && any ? static_cast<float>(sum / sequence.keys) : 0.0f;
    mean[to + c] = middle;
    if (of_values) {
      const float above = fabsf(high - middle), below = fabsf(low - middle);
      const float amax = above > below ? above : below;
      const bool half = plan.value_format == ValueFormat::half;
      const float unit = value_unit(amax);
      plan.value_scale[to + c] = half ? unit : attention::group_scale(amax, E4m3::kLargest);
      plan.value_inverse[to + c] = half ? 1 / unit : attention::group_inverse(amax, E4m3::kLargest);
    }
  }
}

}  // namespace longtail::cuda
