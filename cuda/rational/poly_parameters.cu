// Parameters of polynomial compositions into doubles, and the sums of their gradients back.
#include <algorithm>

#include "cuda/core/elementwise.cuh"
#include "cuda/core/launch.h"
#include "cuda/rational/poly_kernels.cuh"

namespace longtail::cuda {
namespace {

__global__ void read_parameters(const void* weight, DType weight_dtype, const void* bias,
                                DType bias_dtype, PolyParameters* parameters) {
  for (int k = 0; k < 3; ++k)
    parameters->weight[k] = load_element_at<double>(weight, k, weight_dtype);
  parameters->bias = load_element_at<double>(bias, 0, bias_dtype);
}

__global__ void __launch_bounds__(kPolyThreads)
    collect(const double* partial, std::int64_t blocks, void* d_weight, DType weight_dtype,
            void* d_bias, DType bias_dtype) {
  __shared__ double of_warps[kPolyThreads / 32];
  for (int k = 0; k < 4; ++k) {
    double sum = 0;
    for (std::int64_t b = threadIdx.x; b < blocks; b += kPolyThreads) sum += partial[b * 4 + k];
    const double total = block_sum<kPolyThreads>(sum, of_warps);
    if (threadIdx.x != 0) continue;
    if (k < 3) store_element_at<double>(d_weight, k, weight_dtype, total);
    if (k == 3) store_element_at<double>(d_bias, 0, bias_dtype, total);
  }
}

}  // namespace

std::int64_t poly_norm_blocks(std::int64_t rows) {
  return std::min<std::int64_t>(rows, std::int64_t{1} << 16);
}
std::int64_t poly_relu_blocks(std::int64_t count) {
  return (count + kPolyStretch - 1) / kPolyStretch;
}

void launch_poly_parameters(const void* weight, DType weight_dtype, const void* bias,
                            DType bias_dtype, PolyParameters* parameters, cudaStream_t stream) {
  read_parameters<<<1, 1, 0, stream>>>(weight, weight_dtype, bias, bias_dtype, parameters);
  check_launch("poly");
}

void launch_poly_collect(const double* partial, std::int64_t blocks, void* d_weight,
                         DType weight_dtype, void* d_bias, DType bias_dtype, cudaStream_t stream) {
  collect<<<1, kPolyThreads, 0, stream>>>(partial, blocks, d_weight, weight_dtype, d_bias,
                                          bias_dtype);
  check_launch("poly_backward");
}

}  // namespace longtail::cuda
