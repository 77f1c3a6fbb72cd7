// Many queries against packed keys and values, compiled once per CPU level.
//
// A job is 128 rows. Blocks of 128 keys stay in the first-level cache while all rows pass over
// them, four at a time: 4 x 4 vectors of integer sums in registers, for the scores and again for
// the output. Between the two, each row's exponentials become 8-bit weights relative to the
// block's own maximum, so that a block far below the maximum of the row keeps its precision.

#include "attention/pack.h"
#include "attention/pack_level.h"
#include "attention/sinks.h"
#include "core/log.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {
namespace {

inline constexpr int kRowsAtOnce = 4;
/// Vectors of sums a row; sixteen registers hold 4 x 2.
inline constexpr int kVectors = kVectorBytes == 32 ? 2 : 4;
inline constexpr float kMinusInfinity = -__builtin_inff();

/// All that a job keeps while it passes over the keys.
struct Workspace {
  QueryRows queries;
  alignas(64) Element codes[kQueryBlock][kRowFloats];
  alignas(64) float out[kQueryBlock][kRowFloats];
  std::int32_t start[kQueryBlock];  // of a row's sums: takes back the offset of the keys
  float factor[kQueryBlock];        // scale of a row's codes times what makes scores powers of two
  float constant[kQueryBlock];      // q . kbar
  float top[kQueryBlock], total[kQueryBlock];
  alignas(64) float scores[kRowsAtOnce][kKeyBlock];
  alignas(64) Element weights[kRowsAtOnce][kKeyBlock];
  Sinks sinks[kRowsAtOnce];
};

float dot(const float* a, const float* b, int channels) {
  Float sum(0.0f);
  for_vectors(channels, [&](int c) { sum = fma(load<Float>(a + c), load<Float>(b + c), sum); });
  return sum_of(sum);
}

void read_queries(const RowJob& job, Workspace& space) {
  space.queries.read(job.rows, job.query_format, job.smooth_q, [&](int r, const float* row) {
    const float* mean = job.head.key_mean;
    space.constant[r] = mean == nullptr ? 0.0f : dot(row, mean, job.rows.channels);
  });
  const int channels = job.query_format.channels;
  for (int r = 0; r < round_up(job.rows.count, kRowsAtOnce); ++r) {
    Element* codes = space.codes[r];
    space.start[r] = 0;
    space.top[r] = kMinusInfinity;
    space.total[r] = space.factor[r] = 0;
    for (int c = 0; c < round_up(job.value_channels, kWidth); ++c) space.out[r][c] = 0;
    if (r >= job.rows.count) {  // rows that fill up the last four
      __builtin_memset(codes, 0, sizeof(space.codes[r]));
      continue;
    }
    code_row(space.queries.rows[r], space.queries.inverse[r], channels, 0, codes);
    if constexpr (kKeyOffset != 0) {
      for (int c = 0; c < channels; ++c) space.start[r] -= static_cast<std::int8_t>(codes[c]);
      space.start[r] *= kKeyOffset;
    }
    space.factor[r] = space.queries.scale[r] * (job.scale * kLog2E);
  }
}

/// Scores of four rows and a block of keys, before masks: space.scores.
void multiply_keys(const RowJob& job, std::int64_t block, int row, Workspace& space) {
  const int words = job.query_format.channels / kGroup;
  const auto* keys =
      reinterpret_cast<const Element*>(job.head.key_codes) + block * words * kGroup * kKeyBlock;
  const float* scale = job.head.key_scale + block * kKeyBlock;
  constexpr int vector = kWidth * kGroup;
  for (int first = 0; first < kKeyBlock / kWidth; first += kVectors) {
    Sums sums[kRowsAtOnce][kVectors];
#pragma GCC unroll 4
    for (int r = 0; r < kRowsAtOnce; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Sums(space.start[row + r]);
    }
    const Element* from = keys + first * words * vector;
#pragma GCC unroll 1
    for (int w = 0; w < words; ++w) {
      DotVector side[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) side[v] = load_dot(from + (v * words + w) * vector);
#pragma GCC unroll 4
      for (int r = 0; r < kRowsAtOnce; ++r) {
        const std::int32_t word = load_word(space.codes[row + r] + w * kGroup);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[r][v] = dot_keys(sums[r][v], side[v], word);
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const int key = (first + v) * kWidth;
      const Float of_key = load<Float>(scale + key);
      const Float rest =
          job.smooth_q ? load<Float>(job.rest + block * kKeyBlock + key) : Float(0.0f);
#pragma GCC unroll 4
      for (int r = 0; r < kRowsAtOnce; ++r) {
        store(space.scores[r] + key,
              fma(to_real(sums[r][v]) * of_key, Float(space.factor[row + r]), rest));
      }
    }
  }
}

template <class E>
void add_numbers(const std::byte* mask, std::int64_t stride, int count, float* scores) {
  for (int k = 0; k < count; ++k, mask += stride) {
    scores[k] += kLog2E * widen<float>(*reinterpret_cast<const E*>(mask));
  }
}

void add_mask(const MaskRows& mask, std::int64_t row, std::int64_t key, int count, float* scores) {
  const std::byte* from = mask.data + row * mask.row + key * mask.key;
  if (mask.kind == Mask::Kind::boolean) {
    for (int k = 0; k < count; ++k, from += mask.key) {
      scores[k] = *from == std::byte{0} ? kMinusInfinity : scores[k];
    }
  } else if (mask.dtype == DType::float32) {
    add_numbers<float>(from, mask.key, count, scores);
  } else if (mask.dtype == DType::float64) {
    add_numbers<double>(from, mask.key, count, scores);
  } else if (mask.dtype == DType::float16) {
    add_numbers<float16>(from, mask.key, count, scores);
  } else {
    add_numbers<bfloat16>(from, mask.key, count, scores);
  }
}

/// Keys of the block that a row may see: the first so many.
int visible_keys(const RowJob& job, std::int64_t first_key, int row) {
  std::int64_t count = job.keys - first_key;
  if (job.causal) {
    const std::int64_t seen = row + job.causal_shift - first_key;
    count = seen < count ? seen : count;
  }
  return count < 0 ? 0 : count > kKeyBlock ? kKeyBlock : int(count);
}

/// What a block adds to a row: weights, and what to multiply old and new sums by.
struct Shares {
  float old_share, new_share;
};

/// A block in which the row sees nothing: no weight. A nan there must not be lost.
Shares weigh_nothing(const float* scores, int count, int r, float& total, Workspace& space) {
  for (int k = 0; k < count; ++k) {
    if (scores[k] != scores[k]) total = scores[k];
  }
  for (int k = 0; k < kKeyBlock; ++k) space.scores[r][k] = 0;
  clear_weights(space.weights[r]);
  return {1, 0};
}

/// Exponentials relative to a score of `top`, in place of the scores. Their sum.
float exact_weights(float* scores, float top) {
  Float sums(0.0f);
  for (int k = 0; k < kKeyBlock; k += kWidth) {
    const Float p = exp2_of_score(Float(load<Float>(scores + k) - Float(top)));
    sums += p;
    store(scores + k, p);
  }
  return sum_of(sums);
}

template <bool Strict>
Shares weigh(const RowJob& job, std::int64_t block, int row, int r, Workspace& space) {
  const std::int64_t first_key = block * kKeyBlock;
  float* scores = space.scores[r];
  const int count = row + r < job.rows.count ? visible_keys(job, first_key, row + r) : 0;
  if (job.mask.kind != Mask::Kind::none && count > 0) {
    add_mask(job.mask, row + r, first_key, count, scores);
  }
  for (int k = count; k < kKeyBlock; ++k) scores[k] = kMinusInfinity;
  const float top = largest_score(scores);
  float& total = space.total[row + r];
  space.sinks[r].count = 0;
  if (top == kMinusInfinity) return weigh_nothing(scores, count, r, total, space);
  float& row_top = space.top[row + r];
  const float together = row_top > top ? row_top : top;
  Coded coded{top,
              Strict ? exact_weights(scores, top) : code_weights(scores, top, space.weights[r])};
  float taken = 0;
  if (!Strict && job.head.quiet_count[block] > 0) {
    coded = take_sinks(job.head.quiet + first_key, job.head.quiet_count[block], coded, scores,
                       space.weights[r], space.sinks[r]);
    taken = space.sinks[r].weigh(together);
  }
  constexpr float unit = Strict ? 1.0f : 1.0f / 255;
  const Shares shares{exp2_of_score(row_top - together),
                      exp2_of_score(coded.top - together) * unit};
  total = total * shares.old_share + coded.sum * shares.new_share + taken;
  row_top = together;
  return shares;
}

/// Adds weights times values of a block to Vectors vectors of four rows of the output.
template <int Vectors>
LONGTAIL_INLINE void multiply_values(const Element* values, const std::int32_t* sum, int channels,
                                     int c, int row, const Shares* shares, Workspace& space) {
  Sums sums[kRowsAtOnce][Vectors];
#pragma GCC unroll 4
  for (int r = 0; r < kRowsAtOnce; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      sums[r][v] = Sums(0);
      if constexpr (kWeightOffset != 0) {
        for (int k = 0; k < kWidth; ++k)
          sums[r][v].raw[k] = sum[c + v * kWidth + k] * kWeightOffset;
      }
    }
  }
#pragma GCC unroll 1
  for (int w = 0; w < kKeyBlock / kGroup; ++w) {
    DotVector side[Vectors];
    const Element* from = values + (w * channels + c) * kGroup;
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) side[v] = load_dot(from + v * kWidth * kGroup);
#pragma GCC unroll 4
    for (int r = 0; r < kRowsAtOnce; ++r) {
      const std::int32_t word = load_word(space.weights[r] + w * kGroup);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[r][v] = dot_values(sums[r][v], side[v], word);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRowsAtOnce; ++r) {
    float* to = space.out[row + r] + c;
    const Float kept(shares[r].old_share), share(shares[r].new_share);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const Float old = load<Float>(to + v * kWidth);
      store(to + v * kWidth, fma(to_real(sums[r][v]), share, old * kept));
    }
  }
}

/// The same with weights and values in float32.
void multiply_exact_values(const float* values, int channels, int row, const Shares* shares,
                           Workspace& space) {
  for (int r = 0; r < kRowsAtOnce; ++r) {
    for_vectors(channels, [&](int c) {
      Float sum(0.0f);
      for (int k = 0; k < kKeyBlock; ++k) {
        sum = fma(Float(space.scores[r][k]), load<Float>(values + k * channels + c), sum);
      }
      float* to = space.out[row + r] + c;
      store(to, fma(sum, Float(shares[r].new_share), load<Float>(to) * Float(shares[r].old_share)));
    });
  }
}

void add_values(const RowJob& job, std::int64_t block, int row, const Shares* shares,
                Workspace& space) {
  const int channels = round_up(job.value_channels, kWidth);
  const std::byte* codes = job.head.value_codes;
  if (job.strict) {
    const auto* values = reinterpret_cast<const float*>(codes) + block * channels * kKeyBlock;
    return multiply_exact_values(values, channels, row, shares, space);
  }
  const Element* values = reinterpret_cast<const Element*>(codes) + block * channels * kKeyBlock;
  const std::int32_t* sum = job.head.value_sum + block * channels;
  int c = 0;
  for (; c + kVectors * kWidth <= channels; c += kVectors * kWidth) {
    multiply_values<kVectors>(values, sum, channels, c, row, shares, space);
  }
  for (; c < channels; c += kWidth) {
    multiply_values<1>(values, sum, channels, c, row, shares, space);
  }
  if (job.head.quiet_count[block] == 0) return;
  Rows given = job.head.values;
  given.data += block * kKeyBlock * given.stride;
  for (int r = 0; r < kRowsAtOnce; ++r) {
    add_sinks(given, job.head.value_mean, job.head.value_inverse, space.sinks[r],
              space.out[row + r]);
  }
}

template <class E>
void write_row(const float* from, int count, std::byte* to) {
  auto* const out = reinterpret_cast<E*>(to);
  for (int c = 0; c < count; c += kWidth) {
    const Float x = load<Float>(from + c);
    c + kWidth <= count ? store_narrow(out + c, x) : store_lanes(out + c, x, count - c);
  }
}

void finish_row(const RowJob& job, int r, Workspace& space) {
  float* out = space.out[r];
  const bool empty = space.top[r] == kMinusInfinity && !(space.total[r] != space.total[r]);
  const Float inverse(1.0f / space.total[r]);
  const PackedHead& head = job.head;
  for_vectors(job.value_channels, [&](int c) {
    Float x = load<Float>(out + c) * inverse;
    if (head.value_scale != nullptr) x = x * load<Float>(head.value_scale + c);
    if (head.value_mean != nullptr) x = x + load<Float>(head.value_mean + c);
    store(out + c, empty ? Float(0.0f) : x);
  });
  std::byte* to = job.out + r * job.out_stride;
  switch (job.rows.dtype) {
    case DType::float32:
      write_row<float>(out, job.value_channels, to);
      break;
    case DType::float16:
      write_row<float16>(out, job.value_channels, to);
      break;
    default:
      write_row<bfloat16>(out, job.value_channels, to);
  }
  const float lse = (space.top[r] + log(space.total[r]) * kLog2E) * kLn2;
  job.lse[r * job.lse_stride] = empty ? kMinusInfinity : lse + space.constant[r] * job.scale;
}

}  // namespace

void attend_rows(const RowJob& job) {
  Workspace space;
  read_queries(job, space);
  for (std::int64_t block = 0; block * kKeyBlock < job.keys; ++block) {
    const std::int64_t first = block * kKeyBlock;
    if (visible_keys(job, first, job.rows.count - 1) == 0) break;
    for (int row = 0; row < job.rows.count; row += kRowsAtOnce) {
      if (visible_keys(job, first, row + kRowsAtOnce - 1) == 0) continue;
      multiply_keys(job, block, row, space);
      Shares shares[kRowsAtOnce];
      for (int r = 0; r < kRowsAtOnce; ++r) {
        shares[r] = job.strict ? weigh<true>(job, block, row, r, space)
                               : weigh<false>(job, block, row, r, space);
      }
      add_values(job, block, row, shares, space);
    }
  }
  for (int r = 0; r < job.rows.count; ++r) finish_row(job, r, space);
}

namespace {

PackedSizes packed_sizes(int key_channels, int value_channels, bool strict) {
  const int padded = round_up(value_channels, kWidth);
  const auto element = std::int64_t{strict ? int(sizeof(float)) : int(sizeof(Element))};
  return {std::int64_t{key_channels} * kKeyBlock * int(sizeof(Element)),
          padded * kKeyBlock * element, padded};
}

}  // namespace

const PrefillKernels kPrefillKernels = {packed_sizes,   channel_statistics, pack_keys,
                                        pack_values,    dequantise_queries, query_mean,
                                        rest_of_scores, attend_rows};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
