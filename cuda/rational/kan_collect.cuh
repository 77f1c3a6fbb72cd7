// Sums of gradients that blocks left, added in a fixed order.
#pragma once

#include "cuda/core/elementwise.cuh"
#include "cuda/rational/kan_layout.h"

namespace longtail::cuda {

// to[e] = the sum over terms of partial [terms, size]; nothing to add gives zeros. Sixteen threads
// share the terms of one element, in an order that depends on their number only.
constexpr int kKanSharers = 16;
static __global__ void __launch_bounds__(kKanThreads)
    kan_collect(const double* partial, std::int64_t terms, std::int64_t size, void* to,
                DType dtype) {
  constexpr int kElements = kKanThreads / kKanSharers;
  __shared__ double sums[kKanSharers][kElements];
  const int lane = static_cast<int>(threadIdx.x) % kElements;
  const int sharer = static_cast<int>(threadIdx.x) / kElements;
  const std::int64_t e = std::int64_t{blockIdx.x} * kElements + lane;
  double sum = 0;
  for (std::int64_t t = sharer; e < size && t < terms; t += kKanSharers) {
    sum += partial[t * size + e];
  }
  sums[sharer][lane] = sum;
  __syncthreads();
  if (sharer > 0 || e >= size) return;
  for (int other = 1; other < kKanSharers; ++other) sum += sums[other][lane];
  store_element_at<double>(to, e, dtype, sum);
}

}  // namespace longtail::cuda
