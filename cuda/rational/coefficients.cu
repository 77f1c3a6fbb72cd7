// Coefficients into a table of doubles, and the sums of their gradients back into tensors.
#include "core/half.h"
#include "cuda/core/launch.h"
#include "cuda/rational/kernels.cuh"

namespace longtail::cuda {
namespace {

constexpr int kThreads = 128;

__device__ double read_coefficient(const void* data, DType dtype, std::int64_t i) {
  switch (dtype) {
    case DType::float64:
      return static_cast<const double*>(data)[i];
    case DType::float32:
      return static_cast<const float*>(data)[i];
    case DType::float16:
      return static_cast<double>(static_cast<const float16*>(data)[i]);
    default:
      return static_cast<double>(static_cast<const bfloat16*>(data)[i]);
  }
}

__device__ void write_coefficient(void* data, DType dtype, std::int64_t i, double value) {
  switch (dtype) {
    case DType::float64:
      static_cast<double*>(data)[i] = value;
      break;
    case DType::float32:
      static_cast<float*>(data)[i] = static_cast<float>(value);
      break;
    case DType::float16:
      static_cast<float16*>(data)[i] = static_cast<float16>(value);
      break;
    default:
      static_cast<bfloat16*>(data)[i] = static_cast<bfloat16>(value);
  }
}

// The coefficient of one group, 0 beyond the orders in use.
__device__ double coefficient(const CoefficientRows& rows, std::int64_t groups, std::int64_t group,
                              int column) {
  if (column >= rows.columns) return 0.0;
  const std::int64_t row = group / (groups / rows.rows);
  return read_coefficient(rows.data, rows.dtype, row * rows.columns + column);
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
  write_coefficient(out, dtype, i, sum);
}

unsigned blocks_for(std::int64_t count) {
  return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

}  // namespace

void launch_rational_table(std::int64_t groups, const CoefficientRows& numerator,
                           const CoefficientRows& denominator, double* table, cudaStream_t stream) {
  if (groups == 0) return;
  fill_table<<<blocks_for(groups * rational::kSlots), kThreads, 0, stream>>>(groups, numerator,
                                                                             denominator, table);
  check_launch("rational");
}

std::int64_t rational_blocks(const RationalParams& params) {
  constexpr std::int64_t share = std::int64_t{kRationalThreads} * kRationalTerms;
  return (params.outer * params.run + share - 1) / share;
}

void launch_rational_collect(const RationalParams& params, const double* partial, int first,
                             void* out, DType dtype, std::int64_t rows, std::int64_t columns,
                             cudaStream_t stream) {
  collect<<<blocks_for(rows * columns), kThreads, 0, stream>>>(
      params.groups, rational_blocks(params), partial, first, out, dtype, rows, columns);
  check_launch("rational_backward");
}

}  // namespace longtail::cuda
