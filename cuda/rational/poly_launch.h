// The CUDA entry points of polynomial compositions; no torch here.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/elementwise.h"

namespace longtail::cuda {

struct PolyParameters {
  double weight[3];
  double bias;
};

// Reads weight (3) and bias (1) of any floating type into *parameters, on the device.
void launch_poly_parameters(const void* weight, DType weight_dtype, const void* bias,
                            DType bias_dtype, PolyParameters* parameters, cudaStream_t stream);

// Blocks whose sums `partial` [blocks, 4] holds.
std::int64_t poly_norm_blocks(std::int64_t rows);
std::int64_t poly_relu_blocks(std::int64_t count);

template <class E>
void launch_poly_norm(const PolyParameters* parameters, double eps, std::int64_t rows,
                      std::int64_t columns, const E* x, E* y, cudaStream_t stream);
template <class E>
void launch_poly_norm_backward(const PolyParameters* parameters, double eps, std::int64_t rows,
                               std::int64_t columns, const E* grad, const E* x, E* dx,
                               double* partial, cudaStream_t stream);
template <class E>
void launch_poly_relu(const PolyParameters* parameters, std::int64_t count, const E* x, E* y,
                      cudaStream_t stream);
template <class E>
void launch_poly_relu_backward(const PolyParameters* parameters, std::int64_t count, const E* grad,
                               const E* x, E* dx, double* partial, cudaStream_t stream);

// The sums over blocks into d_weight (3) and d_bias (1).
void launch_poly_collect(const double* partial, std::int64_t blocks, void* d_weight,
                         DType weight_dtype, void* d_bias, DType bias_dtype, cudaStream_t stream);

}  // namespace longtail::cuda
