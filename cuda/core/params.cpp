#include "cuda/core/params.h"

#include <algorithm>

#include "core/check.h"
#include "core/strided.h"

namespace longtail::cuda {

ElementwiseParams elementwise_params(std::span<const std::int64_t> sizes, const InputView& first,
                                     const InputView& second, const OutputView& out) {
  const std::vector<Dimension> box = coalesce(sizes, first, second, out);
  check_argument(box.size() <= kMaxDims, "elementwise", "sizes", box.size(),
                 "at most 64 dimensions");
  ElementwiseParams params{};
  params.first = reinterpret_cast<const char*>(first.data);
  params.second = reinterpret_cast<const char*>(second.data);
  params.out = reinterpret_cast<char*>(out.data);
  params.in_dtype = first.dtype;
  params.out_dtype = out.dtype;
  params.dims = static_cast<int>(box.size());
  params.total = 1;
  for (std::size_t d = 0; d < box.size(); ++d) {
    params.total *= box[d].size;
    params.sizes[d] = box[d].size;
    for (int k = 0; k < kOperands; ++k) params.strides[k][d] = box[d].strides[k];
  }
  return params;
}

int grid_size(std::int64_t total, int threads) {
  constexpr std::int64_t kMaxBlocks = 1 << 20;
  return static_cast<int>(std::min((total + threads - 1) / threads, kMaxBlocks));
}

}  // namespace longtail::cuda
