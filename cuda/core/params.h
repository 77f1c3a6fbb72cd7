// What an element-wise CUDA kernel is told: pointers, element types and the coalesced box.
#pragma once

#include <cstdint>
#include <span>

#include "core/elementwise.h"

namespace longtail::cuda {

// As many as a torch tensor may have; usually one or two are left after merging.
constexpr int kMaxDims = 64;

struct ElementwiseParams {
  const char* first;
  const char* second;
  char* out;
  DType in_dtype;
  DType out_dtype;
  std::int64_t total;
  int dims;
  std::int64_t sizes[kMaxDims];
  std::int64_t strides[3][kMaxDims];  // bytes, of first, second, out
};

ElementwiseParams elementwise_params(std::span<const std::int64_t> sizes, const InputView& first,
                                     const InputView& second, const OutputView& out);

// Enough blocks of `threads` for one element a thread, at most 2^20; the kernel loops over the
// rest.
int grid_size(std::int64_t total, int threads);

}  // namespace longtail::cuda
