// Attention over a quantised cache in double, read code by code from its memory: exact queries and
// weights, as CUDA has them without tensor cores. How close answers are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cache_case.h"
#include "test.h"

namespace cache_case {

inline double decoded(std::uint32_t word, int code, std::uint32_t grid, int bits) {
  const int shift = bits == 4 ? 8 * (code % 4) + 4 * (code / 4) : 16 * (code % 2) + 8 * (code / 2);
  const std::uint32_t scale_bits = grid & 0xffff0000u;
  float scale = 0;
  std::memcpy(&scale, &scale_bits, sizeof(scale));
  const double zero = static_cast<std::int16_t>(grid & 0xffff) * (bits == 4 ? 0.125 : 0.5);
  return static_cast<double>(scale) *
         (static_cast<double>(word >> shift & ((1u << bits) - 1)) + zero);
}

/// Key and value of a token: keys of "token_rotated" as they are stored.
inline double stored_key(const CacheLayout& layout, const ConstHead& head, std::int64_t token,
                         int c) {
  const std::int64_t tile = token / kTileTokens, slot = token % kTileTokens;
  const int n = layout.per_word();
  const std::int64_t grid =
      layout.format == KFormat::channel ? c : std::int64_t{c / layout.group} * kTileTokens + slot;
  return decoded(head.k_codes[tile * layout.k_codes() + c / n * kTileTokens + slot], c % n,
                 head.k_grids[tile * layout.k_grids() + grid], layout.bits);
}
inline double stored_value(const CacheLayout& layout, const ConstHead& head, std::int64_t token,
                           int c) {
  const std::int64_t tile = token / kTileTokens, slot = token % kTileTokens;
  const int n = layout.per_word();
  return decoded(head.v_codes[tile * layout.v_codes() + slot / n * layout.v_width() + c],
                 static_cast<int>(slot % n),
                 head.v_grids[tile * layout.v_grids() + c / layout.group * kTileTokens + slot],
                 layout.bits);
}

inline std::vector<double> hadamard(std::vector<double> x, int size) {
  x.resize(size);
  for (int h = 1; h < size; h *= 2) {
    for (int i = 0; i < size; ++i) {
      if (i & h) continue;
      const double a = x[i], b = x[i + h];
      x[i] = a + b;
      x[i + h] = a - b;
    }
  }
  for (double& each : x) each /= std::sqrt(static_cast<double>(size));
  return x;
}

/// A result, and by how much out of each row may differ where a float32 that is close to a tie may
/// be rounded to either side.
struct Reference {
  std::vector<double> out, lse, slack;
};

inline Reference attend_exactly(const Cache& cache, const DecodeCall& call) {
  const CacheLayout& layout = cache.layout;
  const std::int64_t rows = cache.batch * call.heads * call.q_len;
  Reference result{std::vector<double>(rows * layout.v_dim), std::vector<double>(rows),
                   std::vector<double>(rows)};
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t i = row % call.q_len, h = row / call.q_len % call.heads;
    const std::int64_t b = row / call.q_len / call.heads, length = cache.lengths[b];
    const std::int64_t share = call.heads / cache.kv_heads, packed = cache.packed[b];
    const ConstHead head = cache.view().head(layout, b * cache.kv_heads + h / share, 4);
    const auto* tail = reinterpret_cast<const float*>(head.tail);
    const auto* from = static_cast<const float*>(call.q) + row * layout.k_dim;
    std::vector<double> q(from, from + layout.k_dim);
    for (double& each : q) each *= static_cast<double>(call.scale);
    const bool rotated = layout.format == KFormat::token_rotated && packed > 0;
    const std::vector<double> turned = rotated ? hadamard(q, layout.k_channels()) : q;
    const std::int64_t seen = call.is_causal ? length - call.q_len + i + 1 : length;
    std::vector<double> scores;
    for (std::int64_t t = 0; t < seen; ++t) {
      double score = 0;
      for (int c = 0; c < static_cast<int>(turned.size()) && t < packed; ++c) {
        score += turned[c] * stored_key(layout, head, t, c);
      }
      for (int c = 0; c < layout.k_dim && t < packed && rotated; ++c) {
        score += q[c] * static_cast<double>(head.mean[c]);
      }
      for (int c = 0; c < layout.k_dim && t >= packed; ++c) {
        score += q[c] * static_cast<double>(tail[(t - packed) * layout.k_dim + c]);
      }
      const std::int64_t* stride = call.mask_stride;
      const std::int64_t at = b * stride[0] + h * stride[1] + i * stride[2] + t * stride[3];
      scores.push_back(score + (call.mask ? static_cast<double>(call.mask[at]) : 0.0));
    }
    double top = -INFINITY, mass = 0;
    for (const double score : scores) top = std::max(top, score);
    double* out = result.out.data() + row * layout.v_dim;
    for (std::size_t t = 0; t < scores.size() && top > -INFINITY; ++t) {
      const double p = std::exp(scores[t] - top);
      mass += p;
      for (int c = 0; c < layout.v_dim; ++c) {
        out[c] += p * stored_value(layout, head, static_cast<std::int64_t>(t), c);
      }
    }
    for (int c = 0; c < layout.v_dim && mass > 0; ++c) out[c] /= mass;
    result.lse[row] = mass > 0 ? top + std::log(mass) : -INFINITY;
  }
  return result;
}

inline void check_close(const Question& answer, const Reference& exact, double close) {
  const std::size_t width = answer.out.size() / answer.lse.size();
  for (std::size_t i = 0; i < answer.out.size(); ++i) {
    const double error = std::abs(exact.out[i] - static_cast<double>(answer.out[i]));
    CHECK(error < close + exact.slack[i / width]);
  }
  for (std::size_t r = 0; r < answer.lse.size(); ++r) {
    const auto lse = static_cast<double>(answer.lse[r]);
    CHECK(exact.lse[r] == lse || std::abs(exact.lse[r] - lse) < close);
  }
}

}  // namespace cache_case
