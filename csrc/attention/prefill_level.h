#pragma once
// What each CPU level compiles for prefill.h (prefill.dot.level.cpp, pack.dot.level.cpp), and
// prefill.cpp chooses from. A job is plain data: pointers to what it reads and writes.

#include "attention/prefill.h"
#include "core/cpu_level.h"

namespace longtail::attention {

/// Rows of one tensor: a head of a sequence, from some row on.
struct Rows {
  const std::byte* data;
  DType dtype;
  std::int64_t stride;  // bytes from row to row
  int count, channels;
};

/// Sums, smallest and largest of every channel.
struct ChannelJob {
  Rows rows;
  double* sum;     // [channels], added to
  float* low;      // [channels], lowered
  float* high;     // [channels], raised
  bool* abnormal;  // set if there is an inf or a nan
};

/// How numbers become codes in one head.
struct CodeFormat {
  float largest;  // code
  bool per_token;
  bool rotate;
  int channels;  // those of a packed key: padded with zeros
};

/// A block of keys, fewer than kKeyBlock at the end, into packed codes.
struct KeyJob {
  Rows rows;
  CodeFormat format;
  const float* mean;   // [channels] or null
  std::byte* codes;    // one block of packed keys, or null
  float* scale;        // [kKeyBlock]
  float* dequantised;  // [count] rows of format.channels, `dequantised_stride` apart, or null
  std::int64_t dequantised_stride;
};

/// A block of values.
struct ValueJob {
  Rows rows;
  const float* mean;     // [channels] or null
  const float* inverse;  // [channels]; null: values stay float32
  std::byte* codes;      // one block of packed values, or null
  std::int32_t* sum;     // [padded channels]: of the codes, where weights have an offset
  std::uint8_t* quiet;   // [kKeyBlock]: the quiet keys (sinks.h), where values have codes
  std::int32_t* quiet_count;
  const float* scale;  // [channels]
  float* dequantised;  // [count] rows, `dequantised_stride` apart, or null
  std::int64_t dequantised_stride;
};

/// The mean of a block of queries.
struct MeanJob {
  Rows rows;
  float* mean;  // [kMeanFloats]
};
inline constexpr int kMeanFloats = kMostChannels + 16;  // whole vectors on every level

/// What smoothing queries adds to the scores: qbar . (k - kbar) of `count` blocks of queries and
/// one block of keys, times `scale`.
struct RestJob {
  Rows keys;
  const float* key_mean;  // [channels] or null
  const float* means;     // [count][kMeanFloats]
  int count;
  float scale;
  float* rest;  // [count] rows of kKeyBlock, `rest_stride` apart
  std::int64_t rest_stride;
};

/// Queries into dequantised rows, for gradients.
struct QueryJob {
  Rows rows;
  CodeFormat format;
  bool smooth;
  float* dequantised;
  std::int64_t dequantised_stride;
};

/// One head's keys and values, packed.
struct PackedHead {
  const std::byte* key_codes;
  const float* key_scale;  // [blocks * kKeyBlock]
  const float* key_mean;   // [channels] or null
  const std::byte* value_codes;
  const float* value_scale;         // [padded value channels]; null: values are float32
  const float* value_mean;          // [padded value channels]
  const std::int32_t* value_sum;    // [blocks][padded value channels]
  const std::uint8_t* quiet;        // [blocks][kKeyBlock]
  const std::int32_t* quiet_count;  // [blocks]
  Rows values;                      // all of the head, as they were given
  const float* value_inverse;       // [padded value channels]
};

struct MaskRows {
  Mask::Kind kind;
  DType dtype;
  const std::byte* data;  // of the task's first row and the first key
  std::int64_t row, key;  // strides in bytes
};

/// kQueryBlock rows (fewer at the end) of one head against all its keys.
struct RowJob {
  Rows rows;
  CodeFormat query_format;
  int value_channels;
  PackedHead head;
  MaskRows mask;
  std::int64_t keys;
  std::int64_t causal_shift;  // row r of the job sees keys < r + causal_shift; or
  bool causal;                // not causal: all
  bool smooth_q;
  const float* rest;  // [keys, whole blocks]: of smoothed queries, in powers of two
  bool strict;
  float scale;
  std::byte* out;           // in rows.dtype
  std::int64_t out_stride;  // bytes
  float* lse;
  std::int64_t lse_stride;  // elements
};

/// Sizes in memory, which depend on the level.
struct PackedSizes {
  std::int64_t key_block;    // bytes of kKeyBlock packed keys
  std::int64_t value_block;  // bytes of kKeyBlock packed values
  int value_channels;        // padded
};

struct PrefillKernels {
  PackedSizes (*sizes)(int key_channels, int value_channels, bool strict);
  void (*channel_statistics)(const ChannelJob&);
  void (*pack_keys)(const KeyJob&);
  void (*pack_values)(const ValueJob&);
  void (*dequantise_queries)(const QueryJob&);
  void (*query_mean)(const MeanJob&);
  void (*rest_of_scores)(const RestJob&);
  void (*attend_rows)(const RowJob&);
};

LONGTAIL_DECLARE_PER_DOT_LEVEL(PrefillKernels, kPrefillKernels)

}  // namespace longtail::attention
