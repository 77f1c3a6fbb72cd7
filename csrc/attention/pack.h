#pragma once
// Rows of float16, bfloat16 or float32 into codes: what packing keys, values and queries shares.

#include <utility>

#include "attention/dot.h"
#include "attention/prefill_level.h"
#include "attention/quantise.h"
#include "attention/rotate.h"
#include "core/half_lanes.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// Channels as a row of floats has them here: whole vectors, zeros at the end.
inline constexpr int kRowFloats = kMostChannels + kWidth;

constexpr int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

/// Calls visit(first channel) for every vector of a row.
template <class Visit>
LONGTAIL_INLINE void for_vectors(int channels, const Visit& visit) {
  for (int c = 0; c < channels; c += kWidth) visit(c);
}

/// Lane k of the result is lane k ^ distance of x.
template <int distance, int N, int... lane>
LONGTAIL_INLINE Vec<float, N> partners(Vec<float, N> x, std::integer_sequence<int, lane...>) {
  return typename Vec<float, N>::Raw(__builtin_shufflevector(x.raw, x.raw, (lane ^ distance)...));
}

/// All lanes joined by `join` in a tree, neighbours last.
template <int distance = kWidth / 2, class Join>
LONGTAIL_INLINE float joined(Float x, const Join& join) {
  if constexpr (distance == 0) {
    return lane(x, 0);
  } else {
    const Float other = partners<distance>(x, std::make_integer_sequence<int, kWidth>());
    return joined<distance / 2>(join(x, other), join);
  }
}
LONGTAIL_INLINE float sum_of(Float x) {
  return joined(x, [](Float a, Float b) { return Float(a + b); });
}
LONGTAIL_INLINE float largest_lane(Float x) {
  return joined(x, [](Float a, Float b) { return max(a, b); });
}

template <class E>
inline void widen_row(const E* from, int count, float* to) {
  int c = 0;
  for (; c + kWidth <= count; c += kWidth) store(to + c, load_wide<Float>(from + c));
  if (c < count) store(to + c, load_lanes<Float>(from + c, count - c, 0.0f));
}

/// Row r as floats; whole vectors are written.
inline void read_row(const Rows& rows, int r, float* to) {
  const std::byte* from = rows.data + r * rows.stride;
  switch (rows.dtype) {
    case DType::float32:
      return widen_row(reinterpret_cast<const float*>(from), rows.channels, to);
    case DType::float16:
      return widen_row(reinterpret_cast<const float16*>(from), rows.channels, to);
    default:
      return widen_row(reinterpret_cast<const bfloat16*>(from), rows.channels, to);
  }
}

/// The largest |x| of a row; inf or nan if it has one.
inline float largest_of(const float* row, int channels) {
  Float top(0.0f), spoilt(0.0f);
  for_vectors(channels, [&](int c) {
    const Float x = load<Float>(row + c);
    top = max(top, abs(x));
    spoilt = fma(x, Float(0.0f), spoilt);
  });
  return largest_lane(top) + sum_of(spoilt);
}

/// row - mean; a null mean is none.
inline void subtract_mean(float* row, const float* mean, int channels) {
  if (mean == nullptr) return;
  for_vectors(channels,
              [&](int c) { store(row + c, Float(load<Float>(row + c) - load<Float>(mean + c))); });
}

/// The rotation of a row that is zero from `channels` on, if the format asks for it.
inline void rotate_if(const CodeFormat& format, float* row, int channels) {
  for (int c = round_up(channels, kWidth); c < format.channels; c += kWidth) {
    store(row + c, Float(0.0f));
  }
  if (!format.rotate) return;
  rotate_row(row, format.channels);
  const Float factor(float(1 / __builtin_sqrt(double(format.channels))));
  for_vectors(format.channels,
              [&](int c) { store(row + c, Float(load<Float>(row + c) * factor)); });
}

/// Largest values of groups of rows, and from them scales.
class Groups {
 public:
  LONGTAIL_INLINE void take(int group, float largest) {
    float& slot = largest_[group];
    slot = largest <= slot ? slot : largest;  // a nan replaces what is there
    spoilt_[group] += largest * 0.0f;         // and stays
  }
  LONGTAIL_INLINE float largest(int group) const { return largest_[group] + spoilt_[group]; }

 private:
  float largest_[kKeyBlock] = {}, spoilt_[kKeyBlock] = {};
};

/// A row of codes, `offset` added to each; whole vectors are written.
inline void code_row(const float* row, float inverse, int channels, int offset, Element* to) {
  for_vectors(channels, [&](int c) {
    store_codes(to + c, Float(load<Float>(row + c) * Float(inverse)), offset);
  });
}

/// The same as floats: code * scale.
inline void dequantise_row(const float* row, float inverse, float scale, int channels, float* to) {
  for (int c = 0; c < channels; ++c) to[c] = rint(row[c] * inverse) * scale;
}

/// The mean of rows kRowFloats apart, in float64 and rounded once; zeros behind the channels.
inline void mean_of(const float* rows, const Rows& source, float* mean) {
  double sum[kRowFloats] = {};
  for (int r = 0; r < source.count; ++r) {
    for (int c = 0; c < source.channels; ++c) sum[c] += double(rows[r * kRowFloats + c]);
  }
  for (int c = 0; c < kRowFloats; ++c) mean[c] = float(sum[c] / source.count);
}

/// The queries of one job as floats, smoothed and rotated, with the scale of each.
struct QueryRows {
  alignas(64) float rows[kQueryBlock][kRowFloats];
  alignas(64) float mean[kRowFloats];
  float inverse[kQueryBlock], scale[kQueryBlock];

  /// `raw(r, row)` is called with every row as it was given.
  template <class Raw>
  void read(const Rows& source, const CodeFormat& format, bool smooth, const Raw& raw) {
    for (int r = 0; r < source.count; ++r) {
      read_row(source, r, rows[r]);
      raw(r, rows[r]);
    }
    if (smooth) mean_of(&rows[0][0], source, mean);
    Groups groups;
    for (int r = 0; r < source.count; ++r) {
      subtract_mean(rows[r], smooth ? mean : nullptr, source.channels);
      rotate_if(format, rows[r], source.channels);
      groups.take(query_group(r, format.per_token), largest_of(rows[r], format.channels));
    }
    for (int r = 0; r < source.count; ++r) {
      const float largest = groups.largest(query_group(r, format.per_token));
      inverse[r] = group_inverse(largest, format.largest);
      scale[r] = group_scale(largest, format.largest);
    }
  }
};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
