// The CUDA kernels of quantised attention, run on the CPU by simt/cuda_runtime.h: codes beside the
// CPU's to the bit, log-sum-exp beside the CPU's, outputs beside float64 sums over the same codes.
#include "prefill_cuda_compare.h"

namespace {

using namespace prefill_case;

constexpr PrefillPath kPaths[] = {PrefillPath::portable, PrefillPath::mma,      PrefillPath::mma4,
                                  PrefillPath::mma_fp8,  PrefillPath::mma4_fp8, PrefillPath::wgmma};

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

PrefillPath best(int capability, bool fp8, bool wgmma) {
  return cuda::best_prefill_path(
      capability, [&](PrefillPath path) { return path == PrefillPath::wgmma ? wgmma : fp8; });
}

TEST(best_paths) {
  for (const int capability : {80, 86, 87}) {
    for (const bool fp8 : {false, true}) CHECK(best(capability, fp8, false) == PrefillPath::mma4);
  }
  CHECK(best(89, true, false) == PrefillPath::mma4_fp8);
  CHECK(best(89, false, false) == PrefillPath::mma4);
  CHECK(best(90, true, true) == PrefillPath::wgmma);
  CHECK(best(90, true, false) == PrefillPath::mma);
  CHECK(best(120, true, false) == PrefillPath::mma_fp8);
  CHECK(best(121, false, false) == PrefillPath::mma);
  for (const int capability : {100, 103}) CHECK(best(capability, true, false) == PrefillPath::mma);
}

}  // namespace
