// Attention without tensor cores: codes of 8 bits multiplied four at a time, weights and values in
// float32. For strict causality, and to compare the other path with (LONGTAIL_CUDA_ATTENTION).
#pragma once

#include <cmath>

#include "cuda/attention/prefill_element.cuh"
#include "cuda/attention/prefill_find.cuh"
#include "cuda/attention/prefill_work.h"
#include "cuda/core/shared.cuh"

namespace longtail::cuda {

constexpr int kPortableThreads = 128;
constexpr int kPortableRows = 64;  // of a block; half of kQueryBlock
constexpr int kPortableKeys = 32;  // of a tile
constexpr int kPortableLanes = 8;  // threads that share rows: each has every eighth key and channel
constexpr int kPortableOwn = kPortableRows * kPortableLanes / kPortableThreads;  // rows of a thread

/// Rows are a word longer than they need, so that neighbours lie in different banks.
template <int Channels>
struct PortableMemory {
  int queries[kPortableRows][Channels / 4 + 1];
  int keys[kPortableKeys][Channels / 4 + 1];
  float values[kPortableKeys][Channels];
  float weights[kPortableRows][kPortableKeys + 1];
};

/// sum + the products of four bytes, signed.
__device__ inline int dot_of_bytes(int a, int b, int sum) {
#if defined(__CUDA_ARCH__)
  return __dp4a(a, b, sum);
#else
  for (int k = 0; k < 32; k += 8) {
    sum += int{static_cast<std::int8_t>(a >> k)} * int{static_cast<std::int8_t>(b >> k)};
  }
  return sum;
#endif
}

template <int Words>
__device__ inline void copy_words(int (*to)[Words + 1], const unsigned char* from, int rows) {
  const int* words = reinterpret_cast<const int*>(from);
  for (int i = threadIdx.x; i < rows * Words; i += kPortableThreads) {
    to[i / Words][i % Words] = words[i];
  }
}

/// Values as the tensor cores would have them, or, where causality is strict, as they are.
template <int Channels>
__device__ inline void copy_values(const PrefillPlan& plan, const PrefillSequence& sequence,
                                   std::int64_t key_head, std::int64_t first,
                                   PortableMemory<Channels>& memory) {
  const std::int64_t position = (key_head * plan.key_tiles + sequence.key_tile) * kKeyTile + first;
  const std::int64_t begin = row_offset(plan.v, sequence, key_head, sequence.first_key + first);
  const std::int64_t left = sequence.keys - first;
  for (int i = threadIdx.x; i < kPortableKeys * Channels; i += kPortableThreads) {
    const int r = i / Channels, c = i % Channels;
    float x = 0;
    if (!plan.strict) {
      x = half_to_float(static_cast<const std::uint16_t*>(plan.values)[position * Channels + i]);
    } else if (r < left && c < plan.value_channels) {
      x = read_element(plan.v.data, begin + r * plan.v.row + c, plan.dtype);
    }
    memory.values[r][c] = x;
  }
}

__device__ inline float portable_largest(float x) {
  for (int bits = 1; bits < kPortableLanes; bits *= 2) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, bits));
  }
  return x;
}
__device__ inline float portable_sum(float x) {
  for (int bits = 1; bits < kPortableLanes; bits *= 2) {
    x += __shfl_xor_sync(0xffffffffu, x, bits);
  }
  return x;
}

/// Tasks from first_task on; blockIdx.y: which half of the task's rows.
template <int Channels>
__global__ void __launch_bounds__(kPortableThreads)
    prefill_portable(const __grid_constant__ PrefillPlan plan, std::int64_t first_task) {
  constexpr float infinity = __builtin_inff();
  constexpr int keys_each = kPortableKeys / kPortableLanes, channels_each = Channels / 8;
  auto& memory = *dynamic_shared<PortableMemory<Channels>>();
  const std::int64_t task = first_task + blockIdx.x;
  const QueryBlock block = find_query_block(plan, task);
  const int first_row = static_cast<int>(blockIdx.y) * kPortableRows;
  if (block.count <= first_row) return;
  const PrefillSequence sequence = plan.sequence[block.sequence];
  const std::int64_t key_head = block.head / (plan.heads / plan.key_heads);
  const int lane = static_cast<int>(threadIdx.x) % kPortableLanes;
  const int own = static_cast<int>(threadIdx.x) / kPortableLanes * kPortableOwn;
  const std::int64_t position = task * kQueryBlock + first_row;
  const attention::Mask& mask = plan.mask;
  float out[kPortableOwn][channels_each] = {};
  float top[kPortableOwn], total[kPortableOwn] = {}, factor[kPortableOwn];
  std::int64_t seen[kPortableOwn];
  LONGTAIL_UNROLL
  for (int r = 0; r < kPortableOwn; ++r) {
    const int row = first_row + own + r;
    top[r] = -infinity;
    factor[r] = plan.query_scale[position + own + r] * (plan.scale * 0x1.715476p+0f);
    seen[r] = row < block.count ? visible_keys(plan, sequence, block.first + row) : 0;
  }
  const int last =
      block.count < first_row + kPortableRows ? block.count : first_row + kPortableRows;
  const std::int64_t end = visible_keys(plan, sequence, block.first + last - 1);
  const std::int64_t packed_keys = (key_head * plan.key_tiles + sequence.key_tile) * kKeyTile;
  const float* rest = plan.smooth_q
                          ? plan.rest + std::int64_t{blockIdx.x} * plan.longest_key_tiles * kKeyTile
                          : nullptr;
  copy_words<Channels / 4>(memory.queries, plan.query_codes + position * Channels, kPortableRows);
  for (std::int64_t first = 0; first < end; first += kPortableKeys) {
    __syncthreads();  // the tile before is no longer read
    copy_words<Channels / 4>(memory.keys, plan.key_codes + (packed_keys + first) * Channels,
                             kPortableKeys);
    copy_values<Channels>(plan, sequence, key_head, first, memory);
    __syncthreads();
    int sums[kPortableOwn][keys_each] = {};
    for (int w = 0; w < Channels / 4; ++w) {
      LONGTAIL_UNROLL
      for (int k = 0; k < keys_each; ++k) {
        const int word = memory.keys[lane + kPortableLanes * k][w];
        LONGTAIL_UNROLL
        for (int r = 0; r < kPortableOwn; ++r) {
          sums[r][k] = dot_of_bytes(memory.queries[own + r][w], word, sums[r][k]);
        }
      }
    }
    LONGTAIL_UNROLL
    for (int r = 0; r < kPortableOwn; ++r) {
      const std::int64_t row = block.first + first_row + own + r;
      float scores[keys_each], largest = top[r];
      LONGTAIL_UNROLL
      for (int k = 0; k < keys_each; ++k) {
        const std::int64_t key = first + lane + kPortableLanes * k;
        scores[k] = -infinity;
        if (key < seen[r]) {
          scores[k] = fmaf(static_cast<float>(sums[r][k]) * plan.key_scale[packed_keys + key],
                           factor[r], rest == nullptr ? 0.0f : rest[key]);
          if (mask.kind != attention::Mask::Kind::none) {
            const std::int64_t at = sequence.batch * mask.batch + block.head * mask.head +
                                    row * mask.row + key * mask.key;
            scores[k] = masked_score(mask, at, scores[k]);
          }
        }
        largest = fmaxf(largest, scores[k]);
      }
      largest = portable_largest(largest);
      const float base = largest == -infinity ? 0.0f : largest;
      const float kept = exp2f(top[r] - base);
      total[r] *= kept;
      top[r] = largest;
      LONGTAIL_UNROLL
      for (int k = 0; k < keys_each; ++k) {
        const float p = exp2f(scores[k] - base);
        total[r] += p;
        memory.weights[own + r][lane + kPortableLanes * k] = p;
      }
      LONGTAIL_UNROLL
      for (int j = 0; j < channels_each; ++j) out[r][j] *= kept;
    }
    __syncthreads();
    LONGTAIL_KEEP_LOOP
    for (int k = 0; k < kPortableKeys; ++k) {
      LONGTAIL_UNROLL
      for (int j = 0; j < channels_each; ++j) {
        const float value = memory.values[k][lane + kPortableLanes * j];
        LONGTAIL_UNROLL
        for (int r = 0; r < kPortableOwn; ++r) {
          out[r][j] = fmaf(memory.weights[own + r][k], value, out[r][j]);
        }
      }
    }
  }
  const std::int64_t of_value =
      (block.sequence * plan.key_heads + key_head) * attention::kMostChannels;
  LONGTAIL_UNROLL
  for (int r = 0; r < kPortableOwn; ++r) {
    const float sum = portable_sum(total[r]);
    if (first_row + own + r >= block.count) continue;
    const bool empty = top[r] == -infinity && sum == 0;
    const std::int64_t row = sequence.first_row + block.first + first_row + own + r;
    if (lane == 0) {
      const float lse = (top[r] + log2f(sum)) * 0x1.62e43p-1f;
      static_cast<float*>(plan.lse.data)[sequence.batch * plan.lse.batch +
                                         block.head * plan.lse.head + row * plan.lse.row] =
          empty ? -infinity : lse + plan.row_constant[position + own + r] * plan.scale;
    }
    const float inverse = empty ? 0.0f : 1 / sum;
    const std::int64_t to =
        sequence.batch * plan.out.batch + block.head * plan.out.head + row * plan.out.row;
    LONGTAIL_UNROLL
    for (int j = 0; j < channels_each; ++j) {
      const int c = lane + kPortableLanes * j;
      if (c >= plan.value_channels) continue;
      float x = out[r][j] * inverse;
      if (!plan.strict) x = x * plan.value_scale[of_value + c];
      if (!plan.strict && !empty) x += plan.value_mean[of_value + c];
      write_element(plan.out.data, to + c, plan.dtype, x);
    }
  }
}

/// Attention for tasks [begin, end); `launch` as in prefill_run.cuh.
template <int Channels, class Launch>
void run_prefill_portable(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                          const Launch& launch) {
  launch(prefill_portable<Channels>, prefill_grid(end - begin, kQueryBlock / kPortableRows),
         kPortableThreads, sizeof(PortableMemory<Channels>), plan, begin);
}

}  // namespace longtail::cuda
