// What a kernel of attention over a quantised cache is asked, and which rows a block answers for.
#pragma once

#include <cuda_runtime.h>

#include "attention/cache_layout.h"
#include "attention/decode.h"
#include "cuda/attention/decode_layout.h"

namespace longtail::cuda {

using attention::CacheLayout;
using attention::KFormat;
using attention::kMaxHeadDim;
using attention::kTileTokens;

struct DecodeArguments {
  CacheLayout layout;
  attention::ConstCache cache;
  attention::DecodeCall call;
  std::int64_t splits;
  DecodePartials partials;
};

// The block's rows: which queries, and what they see.
struct DecodeRows {
  std::int64_t head, first, all, q_len, length, packed;

  __device__ DecodeRows(const DecodeArguments& a, int rows_of_block)
      : head(blockIdx.y), first(std::int64_t{blockIdx.x} / a.splits * rows_of_block) {
    const std::int64_t b = head / a.cache.kv_heads;
    q_len = a.call.q_len;
    all = a.call.heads / a.cache.kv_heads * q_len;
    length = a.cache.lengths[b];
    packed = a.cache.packed[b];
  }
  __device__ bool has(int r) const { return first + r < all; }
  __device__ std::int64_t visible(const DecodeArguments& a, int r) const {
    if (!has(r)) return 0;
    const std::int64_t seen = length - q_len + (first + r) % q_len + 1;
    return !a.call.is_causal ? length : seen > 0 ? seen : 0;
  }
  // What is added to the scores of row r, from token 0 on, or null.
  __device__ const float* masks(const DecodeArguments& a, int r) const {
    if (a.call.mask == nullptr || !has(r)) return nullptr;
    const std::int64_t* stride = a.call.mask_stride;
    const std::int64_t row = head % a.cache.kv_heads * (all / q_len) + (first + r) / q_len;
    return a.call.mask + head / a.cache.kv_heads * stride[0] + row * stride[1] +
           (first + r) % q_len * stride[2];
  }
  __device__ float mask(const DecodeArguments& a, int r, std::int64_t token) const {
    const float* masks_of_row = masks(a, r);
    return masks_of_row == nullptr ? 0.0f : masks_of_row[token * a.call.mask_stride[3]];
  }
};

}  // namespace longtail::cuda
