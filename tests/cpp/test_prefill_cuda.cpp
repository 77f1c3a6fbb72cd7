// The CUDA kernels of quantised attention, run on the CPU by simt/cuda_runtime.h: codes beside the
// CPU's to the bit, log-sum-exp beside the CPU's, outputs beside float64 sums over the same codes.
#include "prefill_cuda_case.h"

namespace {

using namespace prefill_case;

/// The CPU's outputs have 8-bit weights and values: only near. FP8 rounds a weight by up to 2^-4
/// and a value by up to amax / 28, here 0.17; the comparison with float64 below is the strict one.
constexpr double kEightBits = 0.03, kFp8 = 0.3;

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
  const int tile = !fp8 ? 0 : n > 128 || c.value_channels > 128 ? 32 : 64;
  const Expected wanted = expected(data, got, tile);
  check_near(got.out, wanted.out, float32 || fp8 ? 2e-5 : 2e-3, &wanted.slack);
}

constexpr PrefillPath kPaths[] = {PrefillPath::portable, PrefillPath::mma, PrefillPath::mma4,
                                  PrefillPath::mma_fp8, PrefillPath::mma4_fp8};

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

TEST(best_paths) {
  for (const int capability : {80, 86, 87}) {
    for (const bool fp8 : {false, true}) {
      CHECK(cuda::best_prefill_path(capability, fp8) == PrefillPath::mma4);
    }
  }
  CHECK(cuda::best_prefill_path(89, true) == PrefillPath::mma4_fp8);
  CHECK(cuda::best_prefill_path(89, false) == PrefillPath::mma4);
  CHECK(cuda::best_prefill_path(120, true) == PrefillPath::mma_fp8);
  CHECK(cuda::best_prefill_path(121, false) == PrefillPath::mma);
  for (const int capability : {90, 100, 103}) {
    CHECK(cuda::best_prefill_path(capability, true) == PrefillPath::mma);
  }
}

}  // namespace
