// What a kernel of attention over a quantised cache is asked, and which rows a block answers for.
#pragma once

#include <cuda_runtime.h>

#include "attention/cache_layout.h"
#include "attention/decode.h"
#include "cuda/attention/decode_elements.cuh"
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
  // Row r of the call.
  __device__ std::int64_t row(int r) const { return head * all + first + r; }
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

// The tokens of the block's split, up to the last that one of its rows sees.
struct SplitTokens {
  std::int64_t split, begin, end;
};
template <int Rows>
__device__ SplitTokens split_tokens(const DecodeArguments& a, const DecodeRows& rows) {
  const std::int64_t split = blockIdx.x % a.splits, begin = split * kDecodeSplit;
  std::int64_t end = 0;
  for (int r = 0; r < Rows; ++r) {
    const std::int64_t seen = rows.visible(a, r);
    end = seen > end ? seen : end;
  }
  return {split, begin, begin + kDecodeSplit < end ? begin + kDecodeSplit : end};
}

// Queries of the block's rows, scaled, as wide as keys; zeros where there is none.
template <int Rows, int Stride>
__device__ void read_queries(const DecodeArguments& a, const DecodeRows& rows,
                             float (&q)[Rows][Stride]) {
  const int dim = a.layout.k_dim, width = a.layout.k_width();
  for (int i = threadIdx.x; i < Rows * width; i += kDecodeThreads) {
    const int r = i / width, c = i % width;
    const bool there = rows.has(r) && c < dim;
    q[r][c] =
        there ? read_element(a.call.q, a.call.dtype, rows.row(r) * dim + c) * a.call.scale : 0.0f;
  }
  __syncthreads();
}

}  // namespace longtail::cuda
