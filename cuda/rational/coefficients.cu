// Coefficients into a table of doubles, and the sums of their gradients back into tensors.
#include "cuda/core/elementwise.cuh"
#include "cuda/core/launch.h"
#include "cuda/rational/kernels.cuh"

namespace longtail::cuda {
namespace {

constexpr int kTableThreads = 128;

// The coefficient of one group, 0 beyond the orders in use.
__device__ double coefficient(const CoefficientRows& rows, std::int64_t groups, std::int64_t group,
                              int column) {
  if (column >= rows.columns) return 0.0;
  const std::int64_t row = group / (groups / rows.rows);
  return load_element_at<double>(rows.data, row * rows.columns + column, rows.dtype);
}

__global__ void fill_table(std::int64_t groups, const CoefficientRows numerator,
                           const CoefficientRows denominator, double* table) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= groups * rational::kSlots) return;
  const int slot = static_cast<int>(i % rational::kSlots);
  const std::int64_t group = i / rational::kSlots;
  constexpr int first = rational::kMaxNumerator + 1;
  table[i] = slot < first ? coefficient(numerator, groups, group, slot)
                          : coefficient(denominator, groups, group, slot - first);
}

__global__ void collect(std::int64_t groups, std::int64_t blocks, const double* partial, int first,
                        void* out, DType dtype, std::int64_t rows, std::int64_t columns) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= rows * columns) return;
  const std::int64_t share = groups / rows, begin = i / columns * share * blocks;
  double sum = 0;
  for (std::int64_t k = begin; k < begin + share * blocks; ++k) {
    sum += partial[k * rational::kSlots + first + i % columns];
  }
  store_element_at<double>(out, i, dtype, sum);
}

unsigned blocks_for(std::int64_t count) {
  return static_cast<unsigned>((count + kTableThreads - 1) / kTableThreads);
}

}  // namespace

void launch_rational_table(std::int64_t groups, const CoefficientRows& numerator,
                           const CoefficientRows& denominator, double* table, cudaStream_t stream) {
  if (groups == 0) return;
  fill_table<<<blocks_for(groups * rational::kSlots), kTableThreads, 0, stream>>>(
      groups, numerator, denominator, table);
  check_launch("rational");
}

std::int64_t rational_blocks(const RationalParams& params) {
  constexpr std::int64_t share = std::int64_t{kRationalThreads} * kRationalTerms;
  return (params.outer * params.run + share - 1) / share;
}

void launch_rational_collect(const RationalParams& params, const double* partial, int first,
                             void* out, DType dtype, std::int64_t rows, std::int64_t columns,
                             cudaStream_t stream) {
  collect<<<blocks_for(rows * columns), kTableThreads, 0, stream>>>(
      params.groups, rational_blocks(params), partial, first, out, dtype, rows, columns);
  check_launch("rational_backward");
}

}  // namespace longtail::cuda
