// Keys and values as attend_rows wants them (pack.h, dot.h), compiled once per CPU level.
//
//   packed keys    [vector of keys][word of channels][lane: key][channel in word]
//   packed values  [word of keys][channel][key in word], or float32 [key][channel]

#include "attention/pack.h"
#include "attention/pack_level.h"
#include "attention/sinks.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

void channel_statistics(const ChannelJob& job) {
  alignas(64) float row[kRowFloats];
  for (int r = 0; r < job.rows.count; ++r) {
    read_row(job.rows, r, row);
    float spoilt = 0;
    for (int c = 0; c < job.rows.channels; ++c) {
      const float x = row[c];
      job.sum[c] += double(x);
      job.low[c] = x < job.low[c] ? x : job.low[c];
      job.high[c] = x > job.high[c] ? x : job.high[c];
      spoilt += x * 0.0f;
    }
    if (spoilt != 0) *job.abnormal = true;
  }
}

void pack_keys(const KeyJob& job) {
  alignas(64) float rows[kKeyBlock][kRowFloats];
  const int channels = job.rows.channels, count = job.rows.count;
  const CodeFormat& format = job.format;
  Groups groups;
  for (int r = 0; r < count; ++r) {
    read_row(job.rows, r, rows[r]);
    subtract_mean(rows[r], job.mean, channels);
    rotate_if(format, rows[r], channels);
    groups.take(key_group(r, format.per_token), largest_of(rows[r], format.channels));
  }
  const int words = format.channels / kGroup;
  auto* const packed = reinterpret_cast<Element*>(job.codes);
  if (packed != nullptr && count < kKeyBlock) {
    __builtin_memset(packed, 0, sizeof(Element) * format.channels * kKeyBlock);
  }
  for (int r = 0; r < kKeyBlock; ++r) {
    job.scale[r] = 0;
    if (r >= count) continue;
    const float largest = groups.largest(key_group(r, format.per_token));
    const float inverse = group_inverse(largest, format.largest);
    job.scale[r] = group_scale(largest, format.largest);
    if (packed != nullptr) {
      alignas(64) Element codes[kRowFloats];
      code_row(rows[r], inverse, format.channels, kKeyOffset, codes);
      Element* to = packed + (r / kWidth * words * kWidth + r % kWidth) * kGroup;
      for (int w = 0; w < words; ++w) {
        __builtin_memcpy(to + w * kWidth * kGroup, codes + w * kGroup, sizeof(std::int32_t));
      }
    }
    if (job.dequantised != nullptr) {
      dequantise_row(rows[r], inverse, job.scale[r], format.channels,
                     job.dequantised + r * job.dequantised_stride);
    }
  }
}

namespace {

void dequantise_values(const ValueJob& job) {
  alignas(64) float row[kRowFloats];
  for (int r = 0; r < job.rows.count; ++r) {
    read_row(job.rows, r, row);
    float* to = job.dequantised + r * job.dequantised_stride;
    for (int c = 0; c < job.rows.channels; ++c) {
      const float mean = job.mean == nullptr ? 0.0f : job.mean[c];
      to[c] = job.inverse == nullptr ? row[c]
                                     : rint((row[c] - mean) * job.inverse[c]) * job.scale[c] + mean;
    }
  }
}

}  // namespace

void pack_values(const ValueJob& job) {
  if (job.dequantised != nullptr) dequantise_values(job);
  if (job.codes == nullptr) return;
  const int channels = round_up(job.rows.channels, kWidth);
  alignas(64) float row[kRowFloats];
  if (job.inverse == nullptr) {
    auto* const to = reinterpret_cast<float*>(job.codes);
    __builtin_memset(to, 0, sizeof(float) * channels * kKeyBlock);
    for (int r = 0; r < job.rows.count; ++r) read_row(job.rows, r, to + r * channels);
    return;
  }
  auto* const packed = reinterpret_cast<Element*>(job.codes);
  for (int c = 0; c < channels; ++c) job.sum[c] = 0;
  QuietKeys quiet;
  for (int first = 0; first < kKeyBlock; first += kGroup) {
    alignas(64) Element codes[kGroup][kRowFloats] = {};
    for (int k = 0; k < kGroup && first + k < job.rows.count; ++k) {
      read_row(job.rows, first + k, row);
      quiet.take_value(first + k, row, channels);
      subtract_mean(row, job.mean, channels);
      quiet.take_smoothed(row, channels);
      for_vectors(channels, [&](int c) {
        store_codes(codes[k] + c, Float(load<Float>(row + c) * load<Float>(job.inverse + c)), 0);
      });
    }
    Element* to = packed + first * channels;
    for (int c = 0; c < channels; ++c) {
      for (int k = 0; k < kGroup; ++k) to[c * kGroup + k] = codes[k][c];
    }
    if constexpr (kWeightOffset != 0) {
      for (int k = 0; k < kGroup; ++k) {
        for (int c = 0; c < channels; ++c) job.sum[c] += static_cast<std::int8_t>(codes[k][c]);
      }
    }
  }
  quiet.write(job.rows.count, job.quiet, job.quiet_count);
}

void dequantise_queries(const QueryJob& job) {
  QueryRows queries;
  queries.read(job.rows, job.format, job.smooth, [](int, const float*) {});
  for (int r = 0; r < job.rows.count; ++r) {
    dequantise_row(queries.rows[r], queries.inverse[r], queries.scale[r], job.format.channels,
                   job.dequantised + r * job.dequantised_stride);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
