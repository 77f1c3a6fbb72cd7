#pragma once
// What each CPU level compiles for decode.h (decode.dot.level.cpp) and decode.cpp chooses from.

#include "attention/decode.h"
#include "core/cpu_level.h"

namespace longtail::attention {

/// Rows (queries of the heads of one group) that a kernel takes at a time.
inline constexpr int kRowBlock = 4;
inline constexpr int kMaxGroups = kMaxHeadDim / 32;

/// Rows of queries ready for use, each array starting at the rows in question.
struct QueryRows {
  float* q;             // [k_width], times the scale; rotated if the keys are
  float* bias;          // q . mean, scaled
  std::int32_t* codes;  // words of two (8-bit keys) or four, of K format "token_rotated"
  float* steps;         // [kMaxGroups], of the codes
  float* sums;          // [kMaxGroups], of q
  float* offsets;       // [kMaxGroups]: -centre * step * the sum of the codes
};

/// From q [rows, k_dim] of any element type.
struct PrepareJob {
  CacheLayout layout;
  const std::byte* q;
  std::int64_t rows;
  float scale;
  const float* mean;  // null while keys are exact
  QueryRows to;
};

/// Up to kRowBlock rows over the tokens [begin, end), at most kSplitTokens of them.
struct SplitJob {
  CacheLayout layout;
  ConstHead head;
  int tail_type;  // element_index of the cache
  std::int64_t packed, begin, end;
  int rows;
  QueryRows queries;
  std::int64_t visible[kRowBlock];  // tokens that a row sees
  const float* mask[kRowBlock];     // of token 0, or null
  std::int64_t mask_stride;
  float* sums;  // [rows][v_width]: sum of exp(score - top) v
  float* tops;  // [rows]: the largest score, -inf if a row sees nothing (its sums are not written)
  float* mass;  // [rows]: sum of exp(score - top)
};

/// A row's splits into its result.
struct MergeJob {
  int splits, width, dim;
  std::int64_t step;  // from a split's row to the next split's, in rows
  const float *sums, *tops, *mass;
  std::byte* out;
  float* lse;
};

struct DecodeKernels {
  void (*prepare[3])(const PrepareJob&);  // float32, float16, bfloat16
  void (*split)(const SplitJob&);
  void (*merge[3])(const MergeJob&);
};

LONGTAIL_DECLARE_PER_DOT_LEVEL(DecodeKernels, kDecodeKernels)

}  // namespace longtail::attention
