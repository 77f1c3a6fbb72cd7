// Attention with 4-bit and 8-bit scores on plain memory: many queries at once.
//
//   out_i = sum_j p_ij v_j,   p_ij = exp(s_ij - lse_i),   lse_i = log sum_j exp(s_ij)
//   s_ij  = scale * (quantised q_i . k_j) + mask_ij
//
// with the codes of quantise.h. Weights are quantised to 8 bits, a scale for every row and block of
// 128 keys; values to 8 bits, a scale for every channel. Attention sinks, keys of great weight and
// small value that would cost the others of their block all precision, are taken out of it first:
// their weights and values stay float32 (which they are: sinks.h). Sums of codes are exact
// integers, all else is float32: against the same formula in float64 (tests/attention/emulation.py)
// the result differs by the roundings of float32, and where one of them tips a weight's code by
// that code, or whether a key is a sink, by what its block's weights round to. A row that sees no
// key gets 0 and a log-sum-exp of -inf. Tasks are fixed, so results do not depend on the number of
// threads.
#pragma once

#include <cstdint>
#include <span>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::attention {

/// Codes of queries and keys: 4 and 4 bits, 8 and 4, 8 and 8.
enum class Codes { int4, q8k4, int8 };
/// Which mean is taken off first.
enum class Smooth { none, k, qk };
/// Which keys row i of Lq may see: all, j <= i, or j <= i + Lk - Lq.
enum class Causal { none, top_left, bottom_right };

struct Options {
  Codes codes = Codes::int4;
  Smooth smooth = Smooth::qk;
  bool rotate = false;  // by a Hadamard matrix, after smoothing
  Causal causal = Causal::none;
  bool strict = false;  // no scale or mean spans tokens; weights and values stay float32
  float scale = 1;
};

/// Tensors [batch, heads, length, channels], strides in elements; channels lie side by side.
template <class Byte>
struct Heads {
  Byte* data;
  std::int64_t batch, head, row;
};
using InputHeads = Heads<const std::byte>;
using OutputHeads = Heads<std::byte>;

/// What is added to the scores; bool: false hides a key.
struct Mask {
  enum class Kind { none, boolean, number };
  Kind kind = Kind::none;
  DType dtype = DType::float32;
  const std::byte* data = nullptr;
  std::int64_t batch = 0, head = 0, row = 0, key = 0;  // strides in elements
};

/// Rows and keys of one sequence.
struct Sequence {
  std::int64_t batch;
  std::int64_t first_row, rows;
  std::int64_t first_key, keys;
};

struct Problem {
  DType dtype;  // float32, float16 or bfloat16, of q, k, v and out
  std::int64_t heads, key_heads;
  std::int64_t channels, value_channels;  // 1 to 256
  InputHeads q, k, v;
  Mask mask;
  Options options;
  std::span<const Sequence> sequences;
};

inline constexpr int kMostChannels = 256;

/// Writes out and lse (strides in elements; lse: float32, its rows at `row`).
void quantised_attention(const Problem& problem, const OutputHeads& out, const Heads<float>& lse,
                         const ParallelFor& parallel_for = {});

/// What attention sees of its inputs, float32: q and k less their means, quantised and, if so
/// asked, rotated, in `score_channels` channels; v quantised. For gradients and tests.
std::int64_t score_channels(std::int64_t channels, const Options& options);
void quantised_inputs(const Problem& problem, const Heads<float>& q, const Heads<float>& k,
                      const Heads<float>& v, const ParallelFor& parallel_for = {});

}  // namespace longtail::attention
