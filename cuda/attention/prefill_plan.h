// What the CUDA kernels of quantised attention are told: the problem, and where in memory the
// pieces of work lie. Device pointers; passed by value.
//
//   prefill_sequences.cuh   where the blocks of each sequence begin
//   prefill_statistics.cuh  means of keys and values, scales of values
//   prefill_pack.cuh        queries and keys into codes, values into float16
//   prefill_rest.cuh        qbar . (k - kbar) for every block of queries
//   prefill_mma.cuh         attention on tensor cores, with prefill_warp.cuh
//   prefill_portable.cuh    attention without them; float32 weights and values
//
// Scores are those of csrc/attention/prefill.h: the same groups, codes and scales to the bit.
// Weights and values are not quantised to 8 bits as on the CPU, but
//
//   sm_80 and all later     float16 weights, 2^(s - running maximum + 15), and float16 values, less
//                           their mean and over a power of two for every channel; float32 sums
//   strict causality        float32 weights and values, without tensor cores
//
// Scores use mma.m16n8k64.s4 for 4-bit codes below sm_90, where that instruction is real, and
// mma.m16n8k32.s8 otherwise: sums of integers, so the same bits. There is no FP8 and no wgmma yet.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "attention/prefill.h"
#include "attention/quantise.h"

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

struct PrefillPlan {
  // The problem.
  DType dtype;  // of q, k, v and out
  PrefillTensor q, k, v;
  PrefillOutput out, lse;  // lse: float32
  attention::Mask mask;
  std::int64_t heads, key_heads, batch;
  std::int64_t rows, keys;  // of all sequences together if they are packed, otherwise of each
  int channels, value_channels;
  const void *row_ends, *key_ends;  // cumulative lengths of packed sequences, or null
  bool long_ends;                   // they are int64, not int32

  // The options as they act.
  bool per_token, smooth_q, smooth_k, rotate, strict;
  attention::Causal causal;
  float query_largest, key_largest;
  float scale;

  // Sizes. Blocks and tiles: as many as there may be; the last may be empty.
  int score_channels;              // after rotation
  int stored_channels;             // of codes, and of values: 64, 128 or 256
  bool nibbles;                    // codes are stored in 4 bits
  std::int64_t sequences;          // of rows and keys
  std::int64_t query_blocks;       // of all sequences
  std::int64_t key_tiles;          // of all sequences
  std::int64_t longest_key_tiles;  // of one sequence

  // Work in memory.
  PrefillSequence* sequence;  // [sequences + 1]: the last one is empty and tells the totals
  double* sum;                // [key_heads][key_tiles][kMostChannels]
  float *low, *high;          // the same
  float* key_mean;            // [sequences][key_heads][kMostChannels]; so are the next two
  float *value_mean, *value_scale;
  unsigned char* key_codes;    // [key_heads][key_tiles * kKeyTile][code_bytes]
  float* key_scale;            // [key_heads][key_tiles * kKeyTile]
  std::uint16_t* values;       // float16 [key_heads][key_tiles * kKeyTile][stored_channels]
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
