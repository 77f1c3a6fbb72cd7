// Sizes that the CUDA kernels of quantised caches share with their launches.
#pragma once

#include <cstdint>

#include "attention/cache_layout.h"
#include "attention/decode.h"

namespace longtail::cuda {

constexpr int kDecodeThreads = 128;
constexpr int kDecodeRows = 4;     // queries of the heads of a group that a block takes
constexpr int kDecodeMmaRows = 8;  // the same with tensor cores
constexpr int kDecodeSplit = 512;  // tokens of a block

/// Which kernel attends: with tensor cores, from compute capability 8.0 on, or without.
enum class DecodeKernel { floats, mma };

// What a split leaves for the merge, by [head][row][split].
struct DecodePartials {
  float* sums;  // [v_width]
  float* tops;
  float* mass;
};

inline std::int64_t decode_splits(std::int64_t max_length) {
  return (max_length + kDecodeSplit - 1) / kDecodeSplit;
}

}  // namespace longtail::cuda
