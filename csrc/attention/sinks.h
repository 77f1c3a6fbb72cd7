#pragma once
// Attention sinks: keys that take most of a row's weight and have next to nothing to say.
//
// A block's weights are 8-bit codes relative to the largest of them, and a value's code relative to
// the largest of its channel. Beside a key of weight 1 the others are known to 1/255: half a step
// for each of 128, or 1.3 % of a usual value. That is little where the heavy key's value is a usual
// one, which then is most of the output. A sink's value is not: what is lost are all other keys of
// its block, and the sink's own value between two codes.
//
// So a row takes sinks out of their block, weight and value in float32, and codes what is left by
// its own largest weight. A key is taken if
//
//   it is quiet:      sum_c |v_c| < 1/2 of the mean of sum_c |v_c - mean_c| over its block,
//   it is heaviest:   no weight of the row in this block is larger (the first of equals is taken),
//   the rest is slim: all weights of the block together are below 8 times its own,
//
// and that again for what is left, at most 4 times. Without the last condition the others are so
// many that their error is below 0.144 / 7 = 2 % of their sum even if all are equal. The mean is
// the one that was taken off the values, 0 without smoothing. A block without quiet keys, as almost
// all are, costs nothing.

#include "attention/pack.h"
#include "attention/softmax.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

inline constexpr float kQuietShare = 0.5f;
inline constexpr float kSlim = 8;
inline constexpr int kMostSinks = 4;

/// Finds the quiet keys of a block while its values are packed.
class QuietKeys {
 public:
  /// Before the mean is taken off, and after.
  LONGTAIL_INLINE void take_value(int key, const float* row, int channels) {
    size_[key] = size_of(row, channels);
  }
  LONGTAIL_INLINE void take_smoothed(const float* row, int channels) {
    sum_ += size_of(row, channels);
  }

  /// Writes which of the first `count` keys are quiet, and how many.
  void write(int count, std::uint8_t* keys, std::int32_t* found) const {
    const float bound = kQuietShare * sum_ / float(count);
    *found = 0;
    for (int k = 0; k < count; ++k) {
      if (size_[k] < bound) keys[(*found)++] = static_cast<std::uint8_t>(k);
    }
  }

 private:
  static float size_of(const float* row, int channels) {
    Float sum(0.0f);
    for_vectors(channels, [&](int c) { sum += abs(load<Float>(row + c)); });
    return sum_of(sum);
  }

  float size_[kKeyBlock] = {}, sum_ = 0;
};

/// What a row took out of a block.
struct Sinks {
  int count;
  int key[kMostSinks];
  float score[kMostSinks], weight[kMostSinks];

  /// Weights relative to a score of `top`, and their sum.
  float weigh(float top) {
    float sum = 0;
    for (int n = 0; n < count; ++n) sum += weight[n] = exp2_of_score(score[n] - top);
    return sum;
  }
};

LONGTAIL_INLINE float largest_score(const float* scores) {
  Float tops(-__builtin_inff());
  for (int k = 0; k < kKeyBlock; k += kWidth) tops = max(tops, load<Float>(scores + k));
  return largest_lane(tops);
}

/// The codes of a row's weights in one block: 255 for a score of `top`. Their sum, not rounded.
LONGTAIL_INLINE float code_weights(const float* scores, float top, Element* weights) {
  constexpr float log2_of_255 = 0x1.ffa37cp+2f;
  const Float shift(top - log2_of_255);
  Float sums(0.0f);
  for (int k = 0; k < kKeyBlock; k += kWidth) {
    const Float p = exp2_of_score(Float(load<Float>(scores + k) - shift));
    sums += p;
    store_codes(weights + k, p, -kWeightOffset);
  }
  return sum_of(sums);
}

/// The codes of no weight at all.
inline void clear_weights(Element* weights) {
  for (int k = 0; k < kKeyBlock; ++k) weights[k] = Element(0 - kWeightOffset);
}

/// Largest score and sum of the weights that are coded, the latter in steps of 1/255.
struct Coded {
  float top, sum;
};

/// Takes sinks out of a row's block, whose scores become -inf, and codes the rest again.
[[gnu::noinline]] inline Coded take_sinks(const std::uint8_t* quiet, int count, Coded coded,
                                          float* scores, Element* weights, Sinks& sinks) {
  while (sinks.count < kMostSinks && coded.sum < kSlim * 255) {
    int k = 0;
    while (k < count && scores[quiet[k]] != coded.top) ++k;
    if (k == count) break;  // the heaviest key is not quiet
    sinks.key[sinks.count] = quiet[k];
    sinks.score[sinks.count++] = coded.top;
    scores[quiet[k]] = -__builtin_inff();
    coded.top = largest_score(scores);
    if (coded.top == -__builtin_inff()) {  // nothing is left
      clear_weights(weights);
      coded.sum = 0;
      break;
    }
    coded.sum = code_weights(scores, coded.top, weights);
  }
  return coded;
}

/// Adds the values of a row's sinks to its output, in units of the values' codes.
inline void add_sinks(const Rows& values, const float* mean, const float* inverse,
                      const Sinks& sinks, float* out) {
  alignas(64) float row[kRowFloats];
  for (int n = 0; n < sinks.count; ++n) {
    const Float weight(sinks.weight[n]);
    read_row(values, sinks.key[n], row);
    subtract_mean(row, mean, values.channels);
    for_vectors(values.channels, [&](int c) {
      const Float value = load<Float>(row + c) * load<Float>(inverse + c);
      store(out + c, fma(weight, value, load<Float>(out + c)));
    });
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
