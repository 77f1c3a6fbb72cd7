// What quantised attention's CUDA kernels shall give for a case: codes and log-sum-exp of the CPU's
// kernels, and outputs in float64 from the same codes, with weights rounded in the same places.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "prefill_cuda_case.h"

namespace prefill_case {

/// The mean of `count` rows, in float64 and rounded once.
inline std::vector<float> mean_of(const float* rows, std::int64_t count, int channels) {
  std::vector<float> result(channels);
  for (int c = 0; c < channels; ++c) {
    double sum = 0;
    for (std::int64_t r = 0; r < count; ++r) sum += double{rows[r * channels + c]};
    result[c] = static_cast<float>(sum / static_cast<double>(count));
  }
  return result;
}

/// Weights of one row in float64, and by how much rounding them may go the other way.
struct RowWeights {
  std::vector<double> of, slack;
  double total = 0;  // before they were rounded
};

/// Exact weights; or, where `tile` is not 0, 448 times as much in E4M3, relative to the largest
/// score up to the end of their tile.
inline RowWeights weights_of(const std::vector<double>& scores, int tile) {
  RowWeights result{std::vector<double>(scores.size()), std::vector<double>(scores.size())};
  double last = -kInfinity, largest = 0;
  for (const double s : scores) last = std::max(last, s);
  if (last == -kInfinity) return result;
  for (const double s : scores) largest = std::max(largest, s == -kInfinity ? 0 : std::abs(s));
  const auto rounded = [](double x) {
    return double{static_cast<float>(E4m3(static_cast<float>(x)))} / 448;
  };
  double top = -kInfinity;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    for (std::size_t j = i; tile != 0 && i % tile == 0 && j < i + tile && j < scores.size(); ++j) {
      top = std::max(top, scores[j]);
    }
    result.total += std::exp(scores[i] - last);
    result.of[i] = std::exp(scores[i] - last);
    if (tile == 0 || scores[i] == -kInfinity) continue;
    const double weight = 448 * std::exp(scores[i] - top), error = 0x1p-20 * (1 + largest);
    result.of[i] = rounded(weight) * std::exp(top - last);
    result.slack[i] =
        (rounded(weight * (1 + error)) - rounded(weight * (1 - error))) * std::exp(top - last);
  }
  return result;
}

/// Scores of one row of a dense problem in float64, from the codes.
inline std::vector<double> scores_of(const Data& data, const OnFibres& of, std::int64_t head,
                                     std::int64_t row, std::int64_t key_head,
                                     const std::vector<float>& k_mean) {
  const Case& c = data.c;
  const bool smooth_q = c.options.smooth == Smooth::qk && !c.options.strict;
  const auto n = attention::score_channels(c.channels, c.options);
  const float* keys = data.k.data() + key_head * c.keys * c.channels;
  const std::int64_t first = row / 128 * 128;
  const std::vector<float> q_mean =
      mean_of(data.q.data() + (head * c.rows + first) * c.channels,
              std::min<std::int64_t>(128, c.rows - first), c.channels);
  std::int64_t seen = c.keys;
  if (c.options.causal != Causal::none) {
    seen = row + 1 + (c.options.causal == Causal::bottom_right ? c.keys - c.rows : 0);
  }
  std::vector<double> scores(c.keys, -kInfinity);
  for (std::int64_t key = 0; key < std::min(seen, c.keys); ++key) {
    double s = 0;
    for (int i = 0; i < n; ++i) {
      s += double{of.q_hat[(head * c.rows + row) * n + i]} *
           double{of.k_hat[(key_head * c.keys + key) * n + i]};
    }
    for (int i = 0; smooth_q && i < c.channels; ++i) {
      s += double{q_mean[i]} * double{keys[key * c.channels + i] - k_mean[i]};
    }
    s *= double{c.options.scale};
    const std::int64_t at = row * c.keys + key;
    if (c.mask == attention::Mask::Kind::number) s += double{data.numbers_mask[at]};
    const bool hidden =
        c.mask == attention::Mask::Kind::boolean && data.boolean_mask[at] == std::byte{0};
    scores[key] = hidden ? -kInfinity : s;
  }
  return scores;
}

struct Expected {
  std::vector<double> out, slack;
};

/// Outputs of dense problems in float64, from the inputs as attention sees them; `tile` as above.
inline Expected expected(const Data& data, const OnFibres& of, int tile = 0) {
  const Case& c = data.c;
  Expected result{std::vector<double>(of.out.size(), 0), std::vector<double>(of.out.size(), 0)};
  for (std::int64_t head = 0; head < c.batch * c.heads; ++head) {
    const std::int64_t key_head =
        head / c.heads * c.key_heads + head % c.heads * c.key_heads / c.heads;
    const std::vector<float> k_mean =
        mean_of(data.k.data() + key_head * c.keys * c.channels, c.keys, c.channels);
    std::vector<float> v_mean(c.value_channels);
    if (tile != 0 && c.options.smooth != Smooth::none) {
      v_mean =
          mean_of(data.v.data() + key_head * c.keys * c.value_channels, c.keys, c.value_channels);
    }
    for (std::int64_t row = 0; row < c.rows; ++row) {
      const RowWeights weights = weights_of(scores_of(data, of, head, row, key_head, k_mean), tile);
      if (weights.total == 0) continue;
      for (int i = 0; i < c.value_channels; ++i) {
        const std::int64_t at = (head * c.rows + row) * c.value_channels + i;
        for (std::int64_t key = 0; key < c.keys; ++key) {
          const double v = double{of.v_hat[(key_head * c.keys + key) * c.value_channels + i]} -
                           double{v_mean[i]};
          result.out[at] += weights.of[key] / weights.total * v;
          result.slack[at] += weights.slack[key] / weights.total * std::abs(v);
        }
        result.out[at] += double{v_mean[i]};
      }
    }
  }
  return result;
}

inline void check_near(const std::vector<float>& got, const auto& wanted, double tolerance,
                       const std::vector<double>* slack = nullptr) {
  CHECK(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = double{got[i]}, b = static_cast<double>(wanted[i]);
    const double more = slack == nullptr ? 0 : (*slack)[i];
    CHECK(a == b || std::abs(a - b) <= tolerance * (1 + std::abs(b)) + more);
  }
}

/// The CPU's outputs have 8-bit weights and values: only near. FP8 rounds a weight by up to 2^-4
/// and a value by up to amax / 28, here 0.17; the comparison with float64 below is the strict one.
inline constexpr double kEightBits = 0.03, kFp8 = 0.3;

inline void compare(const Case& c, PrefillPath path) {
  const Data data(c);
  const attention::Problem problem = data.problem();
  const bool dense = c.row_ends.empty();
  const OnFibres got(data, path, dense);
  std::vector<float> out(got.out.size(), 7), lse(got.lse.size(), 7);
  const std::int64_t row = c.value_channels;
  attention::quantised_attention(
      problem,
      {reinterpret_cast<std::byte*>(out.data()), c.heads * c.rows * row, c.rows * row, row},
      {lse.data(), c.heads * c.rows, c.rows, 1});
  check_near(got.lse, lse, 2e-5);
  const bool fp8 = cuda::is_fp8(path) && !c.options.strict;
  check_near(got.out, out, c.options.strict ? 1e-5 : fp8 ? kFp8 : kEightBits);
  if (!dense) return;
  const auto n = attention::score_channels(c.channels, c.options);
  std::vector<float> q(got.q_hat.size()), k(got.k_hat.size()), v(got.v_hat.size());
  const auto heads = [](std::vector<float>& of, std::int64_t count, std::int64_t length,
                        std::int64_t channels) {
    return attention::Heads<float>{of.data(), count * length * channels, length * channels,
                                   channels};
  };
  attention::quantised_inputs(problem, heads(q, c.heads, c.rows, n),
                              heads(k, c.key_heads, c.keys, n), heads(v, c.key_heads, c.keys, row));
  for (std::size_t i = 0; i < q.size(); ++i) CHECK(got.q_hat[i] == q[i]);
  for (std::size_t i = 0; i < k.size(); ++i) CHECK(got.k_hat[i] == k[i]);
  // float16 keeps 11 bits of the largest value of a channel, about 8 here; E4M3 is off by 16 of
  // 448.
  check_near(got.v_hat, data.v, c.options.strict ? 0 : fp8 ? 8.0 / 28 : 0x1p-11 * 8);
  const bool float32 = c.options.strict || path == PrefillPath::portable;
  const bool wide = n > 128 || c.value_channels > 128;
  const int tile = !fp8 ? 0 : wide && path != PrefillPath::wgmma ? 32 : 64;
  const Expected wanted = expected(data, got, tile);
  check_near(got.out, wanted.out, float32 || fp8 ? 2e-5 : 2e-3, &wanted.slack);
}

}  // namespace prefill_case
