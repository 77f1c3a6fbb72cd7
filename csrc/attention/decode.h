// Attention of a few queries over a quantised key-value cache, on plain memory.
//
//   o_i = sum_j p_ij v_j,  p_i = softmax_j(scale q_i . k_j + mask_ij),  lse_i = log sum_j exp(...)
//
// over the keys that query i sees: of lengths[b] keys, with is_causal those before
// lengths[b] - q_len + i + 1 (the last query sees all). Queries that see nothing get o = 0,
// lse = -inf. The H / kv_heads heads of a group read their codes together.
//
// Codes are read once, unpacked in registers. Dot products are integer: a query (times the scales
// of a tile of K format "channel") and the weights p (times the scales of V) are rounded, beside
// 4-bit codes to 8 bits, beside 8-bit codes to 16, with one step for 64 tokens (or for a group of
// a rotated query's channels). With codes counted from the middle of their range, so that it is
// only their spread that meets the rounding errors. decode_dot.h has what that costs: a few per
// cent of the error of the codes at most. Sums fit in 32 bits.
//
// The sequence is cut into splits of 1024 tokens, whoever works on them, and merged in their order:
// results do not depend on the number of threads.
#pragma once

#include "attention/cache_layout.h"
#include "core/parallel.h"

namespace longtail::attention {

inline constexpr int kSplitTokens = 1024;

struct DecodeCall {
  std::int64_t heads, q_len;
  DType dtype;    // of q and out
  const void* q;  // [batch, heads, q_len, k_dim], contiguous
  float scale;
  bool is_causal;
  const float* mask;            // added to the scores, or null
  std::int64_t mask_stride[4];  // in elements: batch, head, query, key
  void* out;                    // [batch, heads, q_len, v_dim], contiguous
  float* lse;                   // [batch, heads, q_len]
};

void decode(const CacheLayout& layout, const ConstCache& cache, const DecodeCall& call,
            const ParallelFor& parallel_for = {});

}  // namespace longtail::attention
