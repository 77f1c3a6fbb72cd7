// Queries and keys into codes. A warp takes the rows of one group: it finds
// their largest number, then reads them again and writes their codes. Channel c of a row lies in
// lane c % 32 of the warp.
#pragma once

#include <cmath>

#include "cuda/attention/prefill_element.cuh"
#include "cuda/attention/prefill_find.cuh"

namespace longtail::cuda {

constexpr int kPackThreads = 128, kPackWarps = kPackThreads / 32;
constexpr int kPackBlocks = 8;  // of an SM, so that ptxas does not spill for more
constexpr int kLaneChannels = attention::kMostChannels / 32;

/// A row of a warp: channel lane + 32 j is of[j].
struct LaneRow {
  float of[kLaneChannels];
};

/// The rows of one tile of keys or block of queries, and how they become codes.
struct PackJob {
  PrefillTensor of;
  std::int64_t begin;     // element where the first row begins
  int rows, count;        // rows of the tile; from `count` on they are zeros
  const float* mean;      // [channels] or null
  float largest;          // code
  unsigned char* codes;   // of the first row
  float* scale;           // of the first row
  const float* constant;  // [channels]: its products with the rows go to row_constant; or null
  float* row_constant;
  float* dequantised;  // the first row, or null
};

__device__ inline float warp_sum(float x) {
  for (int bits = 16; bits > 0; bits /= 2) x += __shfl_xor_sync(0xffffffffu, x, bits);
  return x;
}

/// The largest number of a warp; nan if one has it.
__device__ inline float warp_largest(float x) {
  for (int bits = 16; bits > 0; bits /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, x, bits);
    x = x >= other || x != x ? x : other;
  }
  return x;
}

/// Sylvester's matrix times a row of n = 4, 8, ..., 256 numbers over sqrt(n), in the stages h = 1,
/// 2, 4, ... of csrc/attention/rotate.h: between lanes, then within each lane.
__device__ inline void rotate_lanes(LaneRow& row, int n) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  for (int h = 1; h < 32 && h < n; h *= 2) {
    LONGTAIL_UNROLL
    for (int j = 0; j < kLaneChannels; ++j) {
      const float other = __shfl_xor_sync(0xffffffffu, row.of[j], h);
      row.of[j] = (lane & h) != 0 ? other - row.of[j] : row.of[j] + other;
    }
  }
  LONGTAIL_UNROLL
  for (int h = 1; h < kLaneChannels; h *= 2) {
    if (32 * h >= n) break;
    LONGTAIL_UNROLL
    for (int j = 0; j < kLaneChannels; ++j) {
      if ((j & h) != 0) continue;
      const float low = row.of[j], high = row.of[j + h];
      row.of[j] = low + high;
      row.of[j + h] = low - high;
    }
  }
  const auto factor = static_cast<float>(1 / sqrt(static_cast<double>(n)));
  LONGTAIL_UNROLL
  for (int j = 0; j < kLaneChannels; ++j) row.of[j] *= factor;
}

/// Row r less its mean, rotated; what it gives with `constant` is written if asked for.
__device__ inline LaneRow read_lanes(const PrefillPlan& plan, const PackJob& job, int r,
                                     bool with_constant) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LaneRow row{};
  float constant = 0;
  LONGTAIL_UNROLL
  for (int j = 0; j < kLaneChannels; ++j) {
    const int c = lane + 32 * j;
    if (c >= plan.channels) continue;
    float x = read_element(job.of.data, job.begin + r * job.of.row + c, plan.dtype);
    if (with_constant) constant = fmaf(x, job.constant[c], constant);
    if (job.mean != nullptr) x -= job.mean[c];
    row.of[j] = x;
  }
  if (with_constant) {
    constant = warp_sum(constant);
    if (lane == 0) job.row_constant[r] = constant;
  }
  if (plan.rotate) rotate_lanes(row, plan.score_channels);
  return row;
}

/// Rounds to nearest even, as csrc/attention/dot.h does; the code is in the low bits.
__device__ inline int code_of(float x, float inverse) {
  return bits_as<std::int32_t>(x * inverse + 0x1.8p23f);
}

__device__ inline int code_bytes(const PrefillPlan& plan) {
  return plan.nibbles ? plan.stored_channels / 2 : plan.stored_channels;
}

__device__ inline void write_codes(const PrefillPlan& plan, const PackJob& job, int r,
                                   const LaneRow& row, float inverse) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  LONGTAIL_UNROLL
  for (int j = 0; j < kLaneChannels; ++j) {
    const int c = lane + 32 * j;
    if (32 * j >= plan.stored_channels) break;
    const int code = code_of(row.of[j], inverse);
    if (!plan.nibbles) {
      const int at = plan.in_panels ? panel_place(plan.stored_channels, job.rows, r, c)
                                    : r * plan.stored_channels + c;
      job.codes[at] = static_cast<unsigned char>(code);
    } else {
      const int next = __shfl_xor_sync(0xffffffffu, code, 1);
      if (lane % 2 == 0) {
        job.codes[(r * plan.stored_channels + c) / 2] =
            static_cast<unsigned char>((code & 15) | (next & 15) << 4);
      }
    }
  }
}

/// One group: `row_of(i)` for i < rows are its rows.
template <class RowOf>
__device__ inline void pack_group(const PrefillPlan& plan, const PackJob& job, int rows,
                                  const RowOf& row_of) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  float largest = 0;
  for (int i = 0; i < rows; ++i) {
    const int r = row_of(i);
    if (r >= job.count) continue;
    const LaneRow row = read_lanes(plan, job, r, job.constant != nullptr);
    LONGTAIL_UNROLL
    for (int j = 0; j < kLaneChannels; ++j) {
      const float x = fabsf(row.of[j]);
      largest = largest >= x || largest != largest ? largest : x;
    }
  }
  largest = warp_largest(largest);
  const float inverse = attention::group_inverse(largest, job.largest);
  const float scale = attention::group_scale(largest, job.largest);
  for (int i = 0; i < rows; ++i) {
    const int r = row_of(i);
    const bool there = r < job.count;
    const LaneRow row = there ? read_lanes(plan, job, r, false) : LaneRow{};
    if (lane == 0) job.scale[r] = there ? scale : 0.0f;
    if (lane == 0 && job.row_constant != nullptr && (job.constant == nullptr || !there)) {
      job.row_constant[r] = 0;
    }
    write_codes(plan, job, r, row, inverse);
    if (job.dequantised == nullptr || !there) continue;
    LONGTAIL_UNROLL
    for (int j = 0; j < kLaneChannels; ++j) {
      const int c = lane + 32 * j;
      if (c >= plan.score_channels) break;
      job.dequantised[std::int64_t{r} * plan.score_channels + c] =
          rintf(row.of[j] * inverse) * scale;
    }
  }
}

__device__ inline std::int64_t of_head(const PrefillPlan& plan, std::int64_t sequence,
                                       std::int64_t key_head) {
  return (sequence * plan.key_heads + key_head) * attention::kMostChannels;
}

/// A block for each tile of keys and head.
__global__ void __launch_bounds__(kPackThreads, kPackBlocks)
    prefill_pack_keys(const __grid_constant__ PrefillPlan plan) {
  const KeyTile tile = find_key_tile(plan, blockIdx.x);
  if (tile.count == 0) return;
  const PrefillSequence& sequence = plan.sequence[tile.sequence];
  const std::int64_t position = std::int64_t{blockIdx.x} * kKeyTile;
  PackJob job{};
  job.of = plan.k;
  job.begin = row_offset(plan.k, sequence, tile.head, sequence.first_key + tile.first);
  job.rows = kKeyTile;
  job.count = tile.count;
  job.largest = plan.key_largest;
  if (plan.smooth_k) job.mean = plan.key_mean + of_head(plan, tile.sequence, tile.head);
  job.codes = plan.key_codes + position * code_bytes(plan);
  job.scale = plan.key_scale + position;
  if (plan.k_hat != nullptr) {
    job.dequantised =
        plan.k_hat + ((sequence.batch * plan.key_heads + tile.head) * plan.keys + tile.first) *
                         plan.score_channels;
  }
  const int rows = plan.per_token ? 1 : 16, warp = static_cast<int>(threadIdx.x) / 32;
  for (int g = warp; g < kKeyTile / rows; g += kPackWarps) {
    pack_group(plan, job, rows, [&](int i) { return rows == 1 ? g : i / 2 * 8 + 2 * g + i % 2; });
  }
}

/// A block for each block of queries and head.
__global__ void __launch_bounds__(kPackThreads, kPackBlocks)
    prefill_pack_queries(const __grid_constant__ PrefillPlan plan) {
  __shared__ float mean[attention::kMostChannels];
  const QueryBlock block = find_query_block(plan, blockIdx.x);
  if (block.count == 0) return;
  const PrefillSequence& sequence = plan.sequence[block.sequence];
  const std::int64_t position = std::int64_t{blockIdx.x} * kQueryBlock;
  PackJob job{};
  job.of = plan.q;
  job.begin = row_offset(plan.q, sequence, block.head, sequence.first_row + block.first);
  job.rows = kQueryBlock;
  job.count = block.count;
  job.largest = plan.query_largest;
  if (plan.smooth_q) {
    for (int c = threadIdx.x; c < plan.channels; c += kPackThreads) {
      double sum = 0;
      for (int r = 0; r < block.count; ++r) {
        sum += static_cast<double>(
            read_element(plan.q.data, job.begin + r * plan.q.row + c, plan.dtype));
      }
      mean[c] = static_cast<float>(sum / block.count);
      plan.query_mean[std::int64_t{blockIdx.x} * attention::kMostChannels + c] = mean[c];
    }
    __syncthreads();
    job.mean = mean;
  }
  job.codes = plan.query_codes + position * code_bytes(plan);
  job.scale = plan.query_scale + position;
  job.row_constant = plan.row_constant + position;
  if (plan.smooth_k) {
    const std::int64_t key_head = block.head / (plan.heads / plan.key_heads);
    job.constant = plan.key_mean + of_head(plan, block.sequence, key_head);
  }
  if (plan.q_hat != nullptr) {
    job.dequantised =
        plan.q_hat + ((sequence.batch * plan.heads + block.head) * plan.rows + block.first) *
                         plan.score_channels;
  }
  const int rows = plan.per_token ? 1 : 4, warp = static_cast<int>(threadIdx.x) / 32;
  for (int g = warp; g < kQueryBlock / rows; g += kPackWarps) {
    pack_group(plan, job, rows, [&](int i) { return rows == 1 ? g : g / 8 * 32 + g % 8 + 8 * i; });
  }
}

}  // namespace longtail::cuda
