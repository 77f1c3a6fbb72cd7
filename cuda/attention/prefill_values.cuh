// Values into float16, or into E4M3 with the keys of a channel side by side: less their channel's
// mean and over its scale. A block has one tile of keys of one head.
#pragma once

#include "cuda/attention/prefill_element.cuh"
#include "cuda/attention/prefill_find.cuh"
#include "cuda/attention/prefill_pack.cuh"

namespace longtail::cuda {

/// The values of one tile of keys.
struct ValueTile {
  KeyTile keys;
  std::int64_t begin;       // element of the first value
  std::int64_t of_head;     // of its channels among means and scales
  std::int64_t first_byte;  // of the tile among plan.values
  std::int64_t dense;       // of its first value in plan.v_hat
};

__device__ inline ValueTile find_value_tile(const PrefillPlan& plan, std::int64_t task) {
  ValueTile tile{};
  tile.keys = find_key_tile(plan, task);
  const PrefillSequence& sequence = plan.sequence[tile.keys.sequence];
  const std::int64_t head = tile.keys.head, key = tile.keys.first;
  const int bytes = plan.value_format == ValueFormat::e4m3 ? 1 : 2;
  tile.begin = row_offset(plan.v, sequence, head, sequence.first_key + key);
  tile.of_head = of_head(plan, tile.keys.sequence, head);
  tile.first_byte = task * kKeyTile * plan.stored_channels * bytes;
  tile.dense = ((sequence.batch * plan.key_heads + head) * plan.keys + key) * plan.value_channels;
  return tile;
}

__device__ inline bool has_value(const PrefillPlan& plan, const ValueTile& tile, int r, int c) {
  return r < tile.keys.count && c < plan.value_channels;
}
__device__ inline float read_value(const PrefillPlan& plan, const ValueTile& tile, int r, int c) {
  return read_element(plan.v.data, tile.begin + r * plan.v.row + c, plan.dtype);
}
__device__ inline void write_value_hat(const PrefillPlan& plan, const ValueTile& tile, int r, int c,
                                       float x) {
  if (plan.v_hat != nullptr) plan.v_hat[tile.dense + std::int64_t{r} * plan.value_channels + c] = x;
}

/// Into float16; where causality is strict values stay what they are, and only v_hat is written.
__global__ void __launch_bounds__(kPackThreads)
    prefill_pack_values(const __grid_constant__ PrefillPlan plan) {
  const ValueTile tile = find_value_tile(plan, blockIdx.x);
  if (tile.keys.count == 0) return;
  auto* to =
      reinterpret_cast<std::uint16_t*>(static_cast<unsigned char*>(plan.values) + tile.first_byte);
  for (int i = threadIdx.x; i < kKeyTile * plan.stored_channels; i += kPackThreads) {
    const int r = i / plan.stored_channels, c = i % plan.stored_channels;
    const bool there = has_value(plan, tile, r, c);
    const float x = there ? read_value(plan, tile, r, c) : 0.0f;
    if (plan.strict) {
      if (there) write_value_hat(plan, tile, r, c, x);
      continue;
    }
    // Powers of two: what the scales do is exact but for what gets too small.
    const float mean = plan.value_mean[tile.of_head + c];
    const float inverse = plan.value_inverse[tile.of_head + c];
    const std::uint16_t half = float_to_half(there ? (x - mean) * inverse : 0.0f);
    to[i] = half;
    if (there) {
      const float scale = plan.value_scale[tile.of_head + c];
      write_value_hat(plan, tile, r, c, half_to_float(half) * scale + mean);
    }
  }
}

/// Into E4M3. A thread has 16 keys of a channel at a time: neighbours read neighbouring channels.
__global__ void __launch_bounds__(kPackThreads)
    prefill_pack_e4m3(const __grid_constant__ PrefillPlan plan) {
  constexpr int keys = 16;
  const ValueTile tile = find_value_tile(plan, blockIdx.x);
  if (tile.keys.count == 0) return;
  unsigned char* to = static_cast<unsigned char*>(plan.values) + tile.first_byte;
  const int chunks = kKeyTile / keys;
  for (int i = threadIdx.x; i < chunks * plan.stored_channels; i += kPackThreads) {
    const int chunk = i / plan.stored_channels, c = i % plan.stored_channels;
    const float mean = plan.value_mean[tile.of_head + c];
    const float scale = plan.value_scale[tile.of_head + c];
    const float inverse = plan.value_inverse[tile.of_head + c];
    alignas(16) unsigned words[keys / 4];
    LONGTAIL_UNROLL
    for (int w = 0; w < keys / 4; ++w) {
      float x[4];
      LONGTAIL_UNROLL
      for (int k = 0; k < 4; ++k) {
        const int r = keys * chunk + value_key(4 * w + k);
        const bool there = has_value(plan, tile, r, c);
        x[k] = there ? (read_value(plan, tile, r, c) - mean) * inverse : 0.0f;
      }
      words[w] = e4m3_four(x[0], x[1], x[2], x[3]);
      LONGTAIL_UNROLL
      for (int k = 0; k < 4; ++k) {
        const int r = keys * chunk + value_key(4 * w + k);
        if (plan.v_hat == nullptr || !has_value(plan, tile, r, c)) continue;
        const auto code = E4m3::from_bits(static_cast<std::uint8_t>(words[w] >> 8 * k));
        write_value_hat(plan, tile, r, c, static_cast<float>(code) * scale + mean);
      }
    }
    __builtin_memcpy(__builtin_assume_aligned(to + c * kKeyTile + value_chunk(c, chunk) * keys, 16),
                     words, sizeof(words));
  }
}

}  // namespace longtail::cuda
