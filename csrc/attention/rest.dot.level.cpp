// The part of the scores that smoothing queries leaves in float32, compiled once per CPU level: a
// small matrix product, the means of many blocks of queries times one block of keys.

#include "attention/pack.h"
#include "attention/pack_level.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {
namespace {

inline constexpr int kVectors = kVectorBytes == 32 ? 2 : 4;

/// [channel][key] of a block, less the mean; zeros behind the last key.
struct KeyColumns {
  alignas(64) float of[kMostChannels][kKeyBlock];

  void read(const Rows& keys, const float* mean) {
    alignas(64) float row[kRowFloats] = {};
    for (int r = 0; r < kKeyBlock; ++r) {
      if (r < keys.count) {
        read_row(keys, r, row);
        subtract_mean(row, mean, keys.channels);
      }
      for (int c = 0; c < keys.channels; ++c) of[c][r] = r < keys.count ? row[c] : 0.0f;
    }
  }
};

template <int Count>
void multiply(const RestJob& job, const KeyColumns& keys, int first) {
  const float* means = job.means + std::int64_t{first} * kMeanFloats;
  for (int key = 0; key < kKeyBlock; key += kVectors * kWidth) {
    Float sums[Count][kVectors];
    for (auto& row : sums) {
      for (Float& sum : row) sum = Float(0.0f);
    }
#pragma GCC unroll 1
    for (int c = 0; c < job.keys.channels; ++c) {
      Float side[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) side[v] = load<Float>(keys.of[c] + key + v * kWidth);
#pragma GCC unroll 4
      for (int n = 0; n < Count; ++n) {
        const Float mean(means[n * kMeanFloats + c]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[n][v] = fma(mean, side[v], sums[n][v]);
      }
    }
    for (int n = 0; n < Count; ++n) {
      float* to = job.rest + (first + n) * job.rest_stride + key;
      for (int v = 0; v < kVectors; ++v) {
        store(to + v * kWidth, Float(sums[n][v] * Float(job.scale)));
      }
    }
  }
}

}  // namespace

void query_mean(const MeanJob& job) {
  alignas(64) float rows[kQueryBlock][kRowFloats], mean[kRowFloats];
  for (int r = 0; r < job.rows.count; ++r) read_row(job.rows, r, rows[r]);
  mean_of(&rows[0][0], job.rows, mean);
  for (int c = 0; c < kMeanFloats; ++c) job.mean[c] = c < job.rows.channels ? mean[c] : 0.0f;
}

void rest_of_scores(const RestJob& job) {
  KeyColumns keys;
  keys.read(job.keys, job.key_mean);
  int n = 0;
  for (; n + 4 <= job.count; n += 4) multiply<4>(job, keys, n);
  for (; n < job.count; ++n) multiply<1>(job, keys, n);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
