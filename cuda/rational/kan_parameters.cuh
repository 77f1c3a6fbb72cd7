// Parameters of Kolmogorov-Arnold layers, of any floating type, into the computing type and the
// layout in which the kernels read them.
#pragma once

#include "cuda/core/element_type.h"
#include "cuda/core/elementwise.cuh"
#include "cuda/rational/kan_layout.h"

namespace longtail::cuda {

// Elements from `start` on, as the doubles that fill_table() reads.
struct KanDoubles {
  KanSource source;
  std::int64_t start;
  __device__ double operator[](std::int64_t j) const {
    return load_element_at<double>(source.data, start + j, source.dtype);
  }
};

// The table of `columns` inputs, `height` parameters each in first and second; a thread an input.
template <class S>
__global__ void __launch_bounds__(kKanThreads)
    kan_fill_table(rational::BasisShape shape, std::int64_t columns, KanSource first,
                   KanSource second, S* table) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kKanThreads + threadIdx.x;
  if (i >= columns) return;
  const std::int64_t start = i * rational::parameters_of_input(shape);
  rational::fill_table(shape, KanDoubles{first, start}, KanDoubles{second, start}, table + i,
                       columns);
}

// `count` elements as S.
template <class S>
__global__ void __launch_bounds__(kKanThreads)
    kan_convert(KanSource source, std::int64_t count, S* to) {
  const std::int64_t step = std::int64_t{gridDim.x} * kKanThreads;
  for (std::int64_t e = std::int64_t{blockIdx.x} * kKanThreads + threadIdx.x; e < count;
       e += step) {
    to[e] = load_element_at<S>(source.data, e, source.dtype);
  }
}

// Edges [3, count] as S: weights, the inverses of scales, shifts.
template <class S>
__global__ void __launch_bounds__(kKanThreads)
    kan_read_edges(KanSource weight, KanSource scale, KanSource shift, std::int64_t count,
                   S* edges) {
  const std::int64_t step = std::int64_t{gridDim.x} * kKanThreads;
  for (std::int64_t e = std::int64_t{blockIdx.x} * kKanThreads + threadIdx.x; e < count;
       e += step) {
    edges[e] = load_element_at<S>(weight.data, e, weight.dtype);
    edges[count + e] = static_cast<S>(1 / load_element_at<double>(scale.data, e, scale.dtype));
    edges[2 * count + e] = load_element_at<S>(shift.data, e, shift.dtype);
  }
}

// weight [outputs, depth] as S packed [depth, outputs], by way of a tile in shared memory, so that
// neighbouring threads read and write neighbours.
constexpr int kKanSquare = 32;
template <class S>
__global__ void __launch_bounds__(kKanThreads)
    kan_pack(KanSource weight, std::int64_t outputs, std::int64_t depth, S* packed) {
  __shared__ S tile[kKanSquare][kKanSquare + 1];
  const std::int64_t across = kan_ceil(depth, kKanSquare);
  const std::int64_t output = blockIdx.x / across * kKanSquare;
  const std::int64_t column = blockIdx.x % across * kKanSquare;
  const int lane = static_cast<int>(threadIdx.x) % kKanSquare;
  const int first = static_cast<int>(threadIdx.x) / kKanSquare;
  for (int r = first; r < kKanSquare; r += kKanThreads / kKanSquare) {
    const std::int64_t o = output + r, d = column + lane;
    if (o < outputs && d < depth) {
      tile[r][lane] = load_element_at<S>(weight.data, o * depth + d, weight.dtype);
    }
  }
  __syncthreads();
  for (int r = first; r < kKanSquare; r += kKanThreads / kKanSquare) {
    const std::int64_t o = output + lane, d = column + r;
    if (o < outputs && d < depth) packed[d * outputs + o] = tile[lane][r];
  }
}

}  // namespace longtail::cuda
