// Cases of quantised attention for the CUDA kernels that run on the CPU: their tensors, a run of
// all kernels, and outputs in float64 from the same codes.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "attention/prefill.h"
#include "cuda/attention/prefill_mma.cuh"
#include "cuda/attention/prefill_portable.cuh"
#include "cuda/attention/prefill_run.cuh"
#include "cuda/attention/prefill_wgmma.cuh"
#include "test.h"

namespace prefill_case {

using namespace longtail;
using attention::Causal, attention::Codes, attention::Smooth;
using cuda::PrefillPath, cuda::PrefillPlan;
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Case {
  std::int64_t batch = 1, heads = 1, key_heads = 1, rows = 65, keys = 127;
  int channels = 64, value_channels = 64;
  attention::Options options = {};
  attention::Mask::Kind mask = attention::Mask::Kind::none;
  std::vector<std::int64_t> row_ends = {}, key_ends = {};  // packed sequences; batch is 1
  std::int64_t rest_bytes = std::int64_t{1} << 28;
};

inline std::vector<float> numbers(std::int64_t count, double seed, double bias) {
  std::vector<float> result(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double t = std::sin(seed + 12.9898 * static_cast<double>(i)) * 43758.5453;
    result[i] = static_cast<float>(4 * (t - std::floor(t)) - 2 + (i % 7 == 3 ? bias : 0));
  }
  return result;
}

/// All tensors of a case; heads outermost, so packed sequences are strided.
struct Data {
  explicit Data(const Case& c)
      : c(c),
        q(numbers(c.batch * c.heads * c.rows * c.channels, 0.1, 3)),
        k(numbers(c.batch * c.key_heads * c.keys * c.channels, 0.7, 5)),
        v(numbers(c.batch * c.key_heads * c.keys * c.value_channels, 0.3, 2)) {
    if (c.mask == attention::Mask::Kind::number) {
      numbers_mask = numbers(c.rows * c.keys, 0.5, 0);
      for (std::int64_t i = 0; i < c.rows * c.keys; i += 5) {
        numbers_mask[i] = -std::numeric_limits<float>::infinity();
      }
    }
    for (std::int64_t i = 0; c.mask == attention::Mask::Kind::boolean && i < c.rows * c.keys; ++i) {
      const std::int64_t row = i / c.keys;
      boolean_mask.push_back(row != 3 && i % 3 != 1 ? std::byte{1} : std::byte{0});
    }
    const std::size_t sequences = c.row_ends.empty() ? c.batch : c.row_ends.size() - 1;
    for (std::size_t s = 0; s < sequences; ++s) {
      const auto b = static_cast<std::int64_t>(s);
      sequence.push_back(c.row_ends.empty()
                             ? attention::Sequence{b, 0, c.rows, 0, c.keys}
                             : attention::Sequence{0, c.row_ends[s],
                                                   c.row_ends[s + 1] - c.row_ends[s], c.key_ends[s],
                                                   c.key_ends[s + 1] - c.key_ends[s]});
    }
  }

  template <class Heads>
  Heads view(auto* data, std::int64_t heads, std::int64_t length, std::int64_t channels) const {
    return {data, heads * length * channels, length * channels, channels};
  }
  attention::Mask mask() const {
    attention::Mask result;
    result.kind = c.mask;
    result.dtype = DType::float32;
    result.data = c.mask == attention::Mask::Kind::number
                      ? reinterpret_cast<const std::byte*>(numbers_mask.data())
                      : boolean_mask.data();
    result.row = c.keys;
    result.key = 1;
    return result;
  }
  attention::Problem problem() const {
    const auto bytes = [](const std::vector<float>& of) {
      return reinterpret_cast<const std::byte*>(of.data());
    };
    using Heads = attention::InputHeads;
    return {.dtype = DType::float32,
            .heads = c.heads,
            .key_heads = c.key_heads,
            .channels = c.channels,
            .value_channels = c.value_channels,
            .q = view<Heads>(bytes(q), c.heads, c.rows, c.channels),
            .k = view<Heads>(bytes(k), c.key_heads, c.keys, c.channels),
            .v = view<Heads>(bytes(v), c.key_heads, c.keys, c.value_channels),
            .mask = mask(),
            .options = c.options,
            .sequences = sequence};
  }

  const Case& c;
  std::vector<float> q, k, v, numbers_mask;
  std::vector<std::byte> boolean_mask;
  std::vector<attention::Sequence> sequence;
};

/// Runs everything that a call on a GPU runs.
struct OnFibres {
  std::vector<float> out, lse, q_hat, k_hat, v_hat;
  std::vector<double> memory;

  OnFibres(const Data& data, PrefillPath path, bool with_inputs) {
    const Case& c = data.c;
    PrefillPlan plan{};
    plan.dtype = DType::float32;
    plan.q = data.view<cuda::PrefillTensor>(data.q.data(), c.heads, c.rows, c.channels);
    plan.k = data.view<cuda::PrefillTensor>(data.k.data(), c.key_heads, c.keys, c.channels);
    plan.v = data.view<cuda::PrefillTensor>(data.v.data(), c.key_heads, c.keys, c.value_channels);
    out.assign(c.batch * c.heads * c.rows * c.value_channels, 7);
    lse.assign(c.batch * c.heads * c.rows, 7);
    plan.out = data.view<cuda::PrefillOutput>(out.data(), c.heads, c.rows, c.value_channels);
    plan.lse = data.view<cuda::PrefillOutput>(lse.data(), c.heads, c.rows, 1);
    plan.mask = data.mask();
    plan.heads = c.heads, plan.key_heads = c.key_heads, plan.batch = c.batch;
    plan.rows = c.rows, plan.keys = c.keys;
    plan.channels = c.channels, plan.value_channels = c.value_channels;
    plan.rest_bytes = c.rest_bytes;
    if (!c.row_ends.empty()) {
      plan.row_ends = c.row_ends.data(), plan.key_ends = c.key_ends.data();
      plan.long_row_ends = plan.long_key_ends = true;
      plan.sequences = std::ssize(c.row_ends) - 1;
      for (std::size_t s = 1; s < c.key_ends.size(); ++s) {
        plan.most_keys = std::max(plan.most_keys, c.key_ends[s] - c.key_ends[s - 1]);
      }
    }
    cuda::set_options(plan, c.options, path);
    Layout size;
    cuda::place_work(plan, size);
    memory.assign(size.size() / 8 + 8, std::nan(""));  // nothing may count on what is there
    const auto base = reinterpret_cast<std::uintptr_t>(memory.data());
    Layout layout(reinterpret_cast<std::byte*>((base + 63) / 64 * 64));
    cuda::place_work(plan, layout);
    if (with_inputs) {
      q_hat.resize(c.batch * c.heads * c.rows * plan.score_channels);
      k_hat.resize(c.batch * c.key_heads * c.keys * plan.score_channels);
      v_hat.resize(data.v.size());
      plan.q_hat = q_hat.data(), plan.k_hat = k_hat.data(), plan.v_hat = v_hat.data();
    }
    const auto launch = [](auto kernel, dim3 grid, unsigned threads, std::size_t shared,
                           auto... arguments) {
      simt::launch(grid, threads, [&] { kernel(arguments...); }, shared);
    };
    cuda::prepare_prefill(plan, launch);
    cuda::for_task_ranges(plan, [&](std::int64_t begin, std::int64_t end) {
      cuda::run_prefill_rest(plan, begin, end, launch);
      const auto attend = [&]<int C>(std::integral_constant<int, C>) {
        if (path == PrefillPath::portable || plan.strict) {
          cuda::run_prefill_portable<C>(plan, begin, end, launch);
        } else if (path == PrefillPath::wgmma) {
          cuda::run_prefill_wgmma<C>(plan, begin, end, launch);
        } else {
          cuda::run_prefill_mma<C>(plan, begin, end, launch);
        }
      };
      if (plan.stored_channels == 64) return attend(std::integral_constant<int, 64>());
      if (plan.stored_channels == 128) return attend(std::integral_constant<int, 128>());
      attend(std::integral_constant<int, 256>());
    });
  }
};

inline attention::Options options(Codes codes, Smooth smooth = Smooth::qk, bool rotate = false) {
  attention::Options result;
  result.codes = codes;
  result.smooth = smooth;
  result.rotate = rotate;
  result.scale = 0.1f;
  return result;
}

}  // namespace prefill_case
