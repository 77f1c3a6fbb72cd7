// The CUDA kernels of quantised attention, run on the CPU by simt/cuda_runtime.h: codes beside the
// CPU's to the bit, log-sum-exp beside the CPU's, outputs beside float64 sums over the same codes.
#include <cmath>
#include <limits>
#include <vector>

#include "attention/prefill.h"
#include "cuda/attention/prefill_run.cuh"
#include "test.h"

namespace {

using namespace longtail;
using attention::Causal, attention::Codes, attention::Smooth;
using cuda::PrefillPath, cuda::PrefillPlan;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Case {
  std::int64_t batch = 1, heads = 1, key_heads = 1, rows = 65, keys = 127;
  int channels = 64, value_channels = 64;
  attention::Options options = {};
  attention::Mask::Kind mask = attention::Mask::Kind::none;
  std::vector<std::int64_t> row_ends = {}, key_ends = {};  // packed sequences; batch is 1
  std::int64_t rest_bytes = std::int64_t{1} << 28;
};

std::vector<float> numbers(std::int64_t count, double seed, double bias) {
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
      plan.long_ends = true;
      plan.sequences = std::ssize(c.row_ends) - 1;
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

/// The mean of `count` rows, in float64 and rounded once.
std::vector<float> mean_of(const float* rows, std::int64_t count, int channels) {
  std::vector<float> result(channels);
  for (int c = 0; c < channels; ++c) {
    double sum = 0;
    for (std::int64_t r = 0; r < count; ++r) sum += double{rows[r * channels + c]};
    result[c] = static_cast<float>(sum / static_cast<double>(count));
  }
  return result;
}

/// Outputs of dense problems in float64, from the inputs as attention sees them.
std::vector<double> expected(const Data& data, const OnFibres& of) {
  const Case& c = data.c;
  const bool smooth_q = c.options.smooth == Smooth::qk && !c.options.strict;
  const auto n = attention::score_channels(c.channels, c.options);
  std::vector<double> result(of.out.size(), 0);
  for (std::int64_t head = 0; head < c.batch * c.heads; ++head) {
    const std::int64_t key_head =
        head / c.heads * c.key_heads + head % c.heads * c.key_heads / c.heads;
    const float* keys = data.k.data() + key_head * c.keys * c.channels;
    const std::vector<float> k_mean = mean_of(keys, c.keys, c.channels);
    for (std::int64_t row = 0; row < c.rows; ++row) {
      const std::int64_t first = row / 128 * 128;
      const std::vector<float> q_mean =
          mean_of(data.q.data() + (head * c.rows + first) * c.channels,
                  std::min<std::int64_t>(128, c.rows - first), c.channels);
      std::int64_t seen = c.keys;
      if (c.options.causal != Causal::none) {
        seen = row + 1 + (c.options.causal == Causal::bottom_right ? c.keys - c.rows : 0);
      }
      std::vector<double> scores(c.keys, -kInfinity);
      double top = -kInfinity, total = 0;
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
        if (c.mask == attention::Mask::Kind::boolean && data.boolean_mask[at] == std::byte{0}) {
          s = -kInfinity;
        }
        scores[key] = s;
        top = std::max(top, s);
      }
      if (top == -kInfinity) continue;
      for (double& s : scores) total += s = std::exp(s - top);
      for (std::int64_t key = 0; key < c.keys; ++key) {
        for (int i = 0; i < c.value_channels; ++i) {
          result[(head * c.rows + row) * c.value_channels + i] +=
              scores[key] / total *
              double{of.v_hat[(key_head * c.keys + key) * c.value_channels + i]};
        }
      }
    }
  }
  return result;
}

void check_near(const std::vector<float>& got, const auto& wanted, double tolerance) {
  CHECK(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = double{got[i]}, b = static_cast<double>(wanted[i]);
    CHECK(a == b || std::abs(a - b) <= tolerance * (1 + std::abs(b)));
  }
}

/// The CPU's outputs have 8-bit weights and values: only near.
constexpr double kEightBits = 0.03;

void compare(const Case& c, PrefillPath path) {
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
  check_near(got.out, out, c.options.strict ? 1e-5 : kEightBits);
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
  // float16 keeps 11 bits of the largest value of a channel, about 8 here.
  check_near(got.v_hat, data.v, c.options.strict ? 0 : 0x1p-11 * 8);
  const bool exact = c.options.strict || path == PrefillPath::portable;
  check_near(got.out, expected(data, got), exact ? 2e-5 : 2e-3);
}

attention::Options options(Codes codes, Smooth smooth = Smooth::qk, bool rotate = false) {
  attention::Options result;
  result.codes = codes;
  result.smooth = smooth;
  result.rotate = rotate;
  result.scale = 0.1f;
  return result;
}

constexpr PrefillPath kPaths[] = {PrefillPath::portable, PrefillPath::mma, PrefillPath::mma4};

TEST(codes_and_smoothing) {
  for (const PrefillPath path : kPaths) {
    for (const Codes codes : {Codes::int4, Codes::q8k4, Codes::int8}) {
      compare({.options = options(codes)}, path);
    }
    for (const Smooth smooth : {Smooth::none, Smooth::k}) {
      compare({.options = options(Codes::int4, smooth)}, path);
    }
    compare({.channels = 72, .options = options(Codes::int4, Smooth::qk, true)}, path);
  }
}

TEST(lengths) {
  for (const PrefillPath path : kPaths) {
    for (const std::int64_t length : {1, 63, 193}) {
      compare({.rows = length, .keys = 194 - length, .options = options(Codes::int4)}, path);
    }
    compare({.rows = 5, .keys = 0, .options = options(Codes::int8)}, path);
  }
}

TEST(channels) {
  for (const PrefillPath path : kPaths) {
    compare({.rows = 130,
             .keys = 65,
             .channels = 1,
             .value_channels = 3,
             .options = options(Codes::int4)},
            path);
    compare({.rows = 33, .channels = 128, .value_channels = 72, .options = options(Codes::int8)},
            path);
    compare({.rows = 33, .channels = 256, .value_channels = 256, .options = options(Codes::q8k4)},
            path);
    compare({.rows = 129,
             .keys = 65,
             .channels = 200,
             .value_channels = 17,
             .options = options(Codes::int4)},
            path);
  }
}

TEST(heads_and_batches) {
  for (const PrefillPath path : kPaths) {
    Case c{.batch = 2,
           .heads = 4,
           .key_heads = 2,
           .rows = 130,
           .keys = 70,
           .options = options(Codes::int4)};
    compare(c, path);
    c.rest_bytes = 3 * 128 * 4;  // three tasks a launch: ranges begin within a head
    compare(c, path);
  }
}

TEST(causal) {
  for (const PrefillPath path : kPaths) {
    for (const Causal causal : {Causal::top_left, Causal::bottom_right}) {
      for (const auto& [rows, keys] : {std::pair{193, 130}, std::pair{65, 193}}) {
        Case c{.rows = rows, .keys = keys, .options = options(Codes::int4)};
        c.options.causal = causal;
        compare(c, path);
      }
    }
  }
}

TEST(masks) {
  for (const PrefillPath path : kPaths) {
    for (const auto kind : {attention::Mask::Kind::boolean, attention::Mask::Kind::number}) {
      Case c{.heads = 2, .rows = 65, .keys = 70, .options = options(Codes::int8), .mask = kind};
      compare(c, path);
      c.options.causal = Causal::bottom_right;
      compare(c, path);
    }
  }
}

TEST(strict) {
  for (const Codes codes : {Codes::int4, Codes::int8}) {
    Case c{.heads = 2,
           .rows = 65,
           .keys = 130,
           .channels = 72,
           .value_channels = 128,
           .options = options(codes)};
    c.options.strict = true;
    c.options.causal = Causal::bottom_right;
    compare(c, PrefillPath::mma4);
  }
}

TEST(packed_sequences) {
  for (const PrefillPath path : kPaths) {
    Case c{.heads = 2,
           .rows = 200,
           .keys = 210,
           .options = options(Codes::int4),
           .row_ends = {0, 0, 130, 140, 140, 200},
           .key_ends = {0, 3, 70, 70, 80, 210}};
    compare(c, path);
    c.options.causal = Causal::bottom_right;
    compare(c, path);
  }
}

}  // namespace
