// What the CUDA kernels of quantised attention are told: the problem, and where in memory the
// pieces of work lie. Device pointers; passed by value.
//
//   prefill_sequences.cuh   where the blocks of each sequence begin; prefill_find.cuh
//   prefill_statistics.cuh  means of keys and values, scales of values
//   prefill_pack.cuh        queries and keys into codes
//   prefill_values.cuh      values into float16 or E4M3
//   prefill_rest.cuh        qbar . (k - kbar) for every block of queries
//   prefill_mma.cuh         attention on tensor cores, with prefill_warp.cuh
//   prefill_wgmma.cuh       the same on those of sm_90a, with prefill_async.cuh
//   prefill_portable.cuh    attention without them; float32 weights and values
//
// Scores are those of csrc/attention/prefill.h: the same groups, codes and scales to the bit.
// Weights and values are not quantised to 8 bits as on the CPU, but
//
//   float16            weights 2^(s - running maximum + 15), and values less their mean and over a
//                      power of two for every channel; float32 sums
//   FP8 (E4M3)         weights 448 * 2^(s - running maximum), and values less their mean and over
//                      amax / 448 of every channel; a tile's products are summed by the tensor
//                      cores (about 22 bits), tiles in float32
//   strict causality   float32 weights and values, without tensor cores
//
// Scores use mma.m16n8k64.s4 for 4-bit codes below sm_90, where that instruction is real, and
// mma.m16n8k32.s8 otherwise: sums of integers, so the same bits. prefill_path.h says which GPU has
// what. wgmma has 8 bits only.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "attention/prefill.h"
#include "attention/quantise.h"
#include "core/host_device.h"

namespace longtail::cuda {

/// Keys that are packed together: sequences begin at multiples of it.
constexpr int kKeyTile = 64;
using attention::kQueryBlock;

/// Rows and keys of one sequence, and the first of its blocks of kQueryBlock rows and of its tiles
/// of kKeyTile keys among those of all sequences.
struct PrefillSequence {
  std::int64_t batch, first_row, rows, first_key, keys;
  std::int64_t query_block, key_tile;
};

/// A tensor [batch, heads, length, channels]: strides in elements, channels side by side.
struct PrefillTensor {
  const void* data;
  std::int64_t batch, head, row;
};
struct PrefillOutput {
  void* data;
  std::int64_t batch, head, row;
};

/// How values lie in memory, with stored_channels C; always less their mean and over a scale.
///
///   half   float16 [key_heads][key_tiles * kKeyTile][C]; scales are powers of two
///   e4m3   [key_heads][key_tiles][C][kKeyTile] bytes: keys in the order of value_slot(), the
///          16-byte chunks of a channel's row swizzled by value_chunk(); scales are amax / 448
///
/// What is no key or no channel of the problem is zeros.
enum class ValueFormat { half, e4m3 };

/// Where in its 16 bytes key % 16 lies: thread t of the four that share a row of scores holds, of
/// each 8 keys, 2 t and 2 t + 1. So bytes 4 t ... 4 t + 3 are its keys of two times 8, and scores
/// become the operand of an 8-bit mma where they are.
LONGTAIL_HOST_DEVICE constexpr int value_slot(int key) {
  return key % 8 / 2 * 4 + key / 8 % 2 * 2 + key % 2;
}
/// The key at a slot.
LONGTAIL_HOST_DEVICE constexpr int value_key(int slot) {
  return slot / 4 * 2 + slot / 2 % 2 * 8 + slot % 2;
}
/// Where 16 keys of a channel lie in its row: eight rows read together are in different banks. It
/// is swizzled() of prefill_shared.cuh and CUDA's SWIZZLE_64B, so that a tile is copied as it is.
LONGTAIL_HOST_DEVICE constexpr int value_chunk(int channel, int chunk) {
  return chunk ^ (channel / 2 & 3);
}

/// Where a code of 8 bits lies in a tile of `rows` rows for wgmma (PrefillPlan::in_panels): panels
/// of up to 128 channels, the 16-byte chunks of a row swizzled as CUDA's SWIZZLE_64B or _128B.
LONGTAIL_HOST_DEVICE constexpr int panel_place(int stored_channels, int rows, int row,
                                               int channel) {
  const int bytes = stored_channels < 128 ? stored_channels : 128;
  const int swizzle = bytes == 128 ? row & 7 : row / 2 & 3;
  return channel / 128 * rows * bytes + row * bytes + (channel % 128 ^ 16 * swizzle);
}

struct PrefillPlan {
  // The problem.
  DType dtype;  // of q, k, v and out
  PrefillTensor q, k, v;
  PrefillOutput out, lse;  // lse: float32
  attention::Mask mask;
  std::int64_t heads, key_heads, batch;
  std::int64_t rows, keys;  // of all sequences together if they are packed, otherwise of each
  std::int64_t most_keys;   // of a packed sequence; what is more is not looked at
  int channels, value_channels;
  const void *row_ends, *key_ends;    // cumulative lengths of packed sequences, or null
  bool long_row_ends, long_key_ends;  // they are int64, not int32

  // The options as they act.
  bool per_token, smooth_q, smooth_k, rotate, strict;
  attention::Causal causal;
  float query_largest, key_largest;
  float scale;

  // Sizes. Blocks and tiles: as many as there may be; the last may be empty.
  int score_channels;   // after rotation
  int stored_channels;  // of codes, and of values: 64, 128 or 256
  bool nibbles;         // codes are stored in 4 bits
  bool in_panels;       // codes of a tile of keys or a block of queries lie as panel_place() says
  ValueFormat value_format;
  std::int64_t sequences;          // of rows and keys
  std::int64_t query_blocks;       // of all sequences
  std::int64_t key_tiles;          // of all sequences
  std::int64_t longest_key_tiles;  // of one sequence

  // Work in memory.
  PrefillSequence* sequence;  // [sequences + 1]: the last one is empty and tells the totals
  double* sum;                // [key_heads][key_tiles][kMostChannels]
  float *low, *high;          // the same
  float* key_mean;            // [sequences][key_heads][kMostChannels]; so are the next three
  float *value_mean, *value_scale, *value_inverse;
  unsigned char* key_codes;    // [key_heads][key_tiles * kKeyTile][code_bytes]
  float* key_scale;            // [key_heads][key_tiles * kKeyTile]
  void* values;                // as value_format says
  unsigned char* query_codes;  // [heads][query_blocks * kQueryBlock][code_bytes]
  float* query_scale;          // [heads][query_blocks * kQueryBlock]; so is the next
  float* row_constant;         // q . kbar
  float* query_mean;           // [heads][query_blocks][kMostChannels]
  float* rest;                 // [tasks of a launch][longest_key_tiles * kKeyTile]
  std::int64_t rest_bytes = std::int64_t{1} << 28;  // at most, unless one task needs more

  // The same numbers as attention sees them, for gradients, dense; or null.
  float *q_hat, *k_hat, *v_hat;
};

}  // namespace longtail::cuda
