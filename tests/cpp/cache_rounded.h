// The reference of cache_reference.h with queries and weights rounded where the CPU and the tensor
// cores round them (csrc/attention/decode.h): queries bit for bit, all else in double.
#pragma once

#include <limits>

#include "attention/cache_math.h"
#include "cache_reference.h"

namespace cache_case {

inline constexpr double kNothing = -std::numeric_limits<double>::infinity();

inline double centre_of(int bits) { return ((1 << bits) - 1) / 2.0; }

/// Queries as integers times their step, with one step for all of x.
inline std::vector<double> rounded_queries(const std::vector<float>& x, int bits) {
  const float most = bits == 4 ? kLargestQuery<4> : kLargestQuery<8>;
  float largest = 0;
  for (const float each : x) largest = std::max(largest, std::abs(each));
  std::vector<double> result;
  for (const float each : x) {
    const float place = each * (most / largest);
    result.push_back(std::nearbyint(static_cast<double>(place)) *
                     static_cast<double>(largest / most));
  }
  return result;
}

inline float grid_scale_of(std::uint32_t grid) {
  return grid_scale<float>(static_cast<std::int32_t>(grid));
}
/// What decoded() has beside the code counted from its centre, in units of the scale.
inline double grid_zero_of(std::uint32_t grid, int bits) {
  return static_cast<std::int16_t>(grid & 0xffff) * (bits == 4 ? 0.125 : 0.5) + centre_of(bits);
}

/// q . key of a token with codes; q is rotated if keys are.
inline double rounded_score(const CacheLayout& layout, const ConstHead& head, std::int64_t token,
                            const std::vector<float>& q) {
  const std::int64_t tile = token / kTileTokens, slot = token % kTileTokens;
  const bool by_channel = layout.format == KFormat::channel;
  const int channels = static_cast<int>(q.size());
  const int span = by_channel ? channels : layout.group;
  const std::uint32_t* grids = head.k_grids + tile * layout.k_grids();
  double score = 0;
  for (int first = 0; first < channels; first += span) {
    const int end = std::min(channels, first + span);
    std::vector<float> x(q.begin() + first, q.begin() + end);
    for (int c = first; c < end && by_channel; ++c) x[c] *= grid_scale_of(grids[c]);
    const std::vector<double> codes = rounded_queries(x, layout.bits);
    const std::uint32_t of_token = grids[by_channel ? 0 : first / span * kTileTokens + slot];
    for (int c = first; c < end; ++c) {
      const std::uint32_t grid = by_channel ? grids[c] : of_token;
      const double scale = static_cast<double>(grid_scale_of(grid));
      const double zero = grid_zero_of(grid, layout.bits);
      const double code = stored_key(layout, head, token, c) / scale - zero;
      const double sum = codes[c - first] * code + static_cast<double>(x[c - first]) * zero;
      score += by_channel ? sum : sum * scale;
    }
  }
  return score;
}

/// The scores of a row without masks.
inline std::vector<double> rounded_scores(const Cache& cache, const ConstHead& head,
                                          std::int64_t length, std::int64_t packed,
                                          const float* from, float scale) {
  const CacheLayout& layout = cache.layout;
  std::vector<float> q(from, from + layout.k_dim);
  for (float& each : q) each *= scale;
  std::vector<float> turned = q;
  double bias = 0;
  if (layout.format == KFormat::token_rotated && packed > 0) {
    turned.resize(layout.k_channels());
    rotate(turned.data(), layout.k_channels());
    for (int c = 0; c < layout.k_dim; ++c) {
      bias += static_cast<double>(q[c]) * static_cast<double>(head.mean[c]);
    }
  }
  turned.resize(layout.k_width());
  const auto* tail = reinterpret_cast<const float*>(head.tail);
  std::vector<double> scores;
  for (std::int64_t t = 0; t < length; ++t) {
    double score = t < packed ? bias + rounded_score(layout, head, t, turned) : 0.0;
    for (int c = 0; c < layout.k_dim && t >= packed; ++c) {
      score +=
          static_cast<double>(q[c]) * static_cast<double>(tail[(t - packed) * layout.k_dim + c]);
    }
    scores.push_back(score);
  }
  return scores;
}

/// Adds the tokens [first, end), whose values share a tile, with weights p to a row's sums; returns
/// the slack: one step for each weight that is close to a tie.
inline double add_rounded_values(const CacheLayout& layout, const ConstHead& head,
                                 std::int64_t first, std::int64_t end, const double* p,
                                 double* sums) {
  const double most = static_cast<double>(layout.bits == 4 ? kLargestWeight<4> : kLargestWeight<8>);
  const std::uint32_t* grids = head.v_grids + first / kTileTokens * layout.v_grids();
  double slack = 0;
  for (int group = 0; group * layout.group < layout.v_dim; ++group) {
    const auto grid = [&](std::int64_t t) { return grids[group * kTileTokens + t - first]; };
    const auto scaled = [&](std::int64_t t) {
      return p[t] * static_cast<double>(grid_scale_of(grid(t)));
    };
    double largest = 0, of_group = 0;
    for (std::int64_t t = first; t < end; ++t) largest = std::max(largest, scaled(t));
    if (largest < 0x1p-100) continue;
    const double step = largest / most;
    for (std::int64_t t = first; t < end; ++t) {
      const double weight = scaled(t) / step, zero = grid_zero_of(grid(t), layout.bits);
      const double from_tie = std::abs(weight - std::floor(weight) - 0.5);
      if (from_tie <= weight * 5e-6 && weight > 0.25) of_group += step * centre_of(layout.bits);
      for (int c = group * layout.group; c < std::min(layout.v_dim, (group + 1) * layout.group);
           ++c) {
        const double code =
            stored_value(layout, head, t, c) / static_cast<double>(grid_scale_of(grid(t))) - zero;
        sums[c] += step * std::nearbyint(weight) * code + scaled(t) * zero;
      }
    }
    slack = std::max(slack, of_group);
  }
  return slack;
}

inline Reference attend_rounded(const Cache& cache, const DecodeCall& call) {
  const CacheLayout& layout = cache.layout;
  const std::int64_t rows = cache.batch * call.heads * call.q_len;
  Reference result;
  result.out.resize(rows * layout.v_dim);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t i = row % call.q_len, h = row / call.q_len % call.heads;
    const std::int64_t b = row / call.q_len / call.heads, length = cache.lengths[b];
    const std::int64_t share = call.heads / cache.kv_heads;
    const ConstHead head = cache.view().head(layout, b * cache.kv_heads + h / share, 4);
    const std::int64_t seen =
        std::max<std::int64_t>(0, call.is_causal ? length - call.q_len + i + 1 : length);
    std::vector<double> p =
        rounded_scores(cache, head, seen, cache.packed[b],
                       static_cast<const float*>(call.q) + row * layout.k_dim, call.scale);
    double top = kNothing, mass = 0, slack = 0;
    for (std::int64_t t = 0; t < seen; ++t) {
      const std::int64_t* stride = call.mask_stride;
      const std::int64_t at = b * stride[0] + h * stride[1] + i * stride[2] + t * stride[3];
      if (call.mask) p[t] += static_cast<double>(call.mask[at]);
      top = std::max(top, p[t]);
    }
    if (top > kNothing) {
      for (double& each : p) mass += each = std::exp(each - top);
      double* out = result.out.data() + row * layout.v_dim;
      for (std::int64_t t = 0; t < seen; t += kTileTokens) {
        slack +=
            add_rounded_values(layout, head, t, std::min(seen, t + kTileTokens), p.data(), out);
      }
      for (int c = 0; c < layout.v_dim; ++c) out[c] /= mass;
    }
    result.lse.push_back(top > kNothing ? top + std::log(mass) : kNothing);
    result.slack.push_back(top > kNothing ? slack / mass : 0.0);
  }
  return result;
}

}  // namespace cache_case
