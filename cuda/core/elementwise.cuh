// Element-wise CUDA kernels of two arguments, over strided tensors of any of our element types.
//
// The counterpart of csrc/core/elementwise.h: a family gives a functor on its Real, double or
// float, this file gives the walk. Element types are switched at run time; one uniform branch costs
// nothing beside the functions, and saves compiling each of them once per type. All indices are
// 64-bit.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/half.h"
#include "cuda/core/params.h"

namespace longtail::cuda {

constexpr int kThreads = 256;

template <class Real>
__device__ inline Real load_element(const char* data, std::int64_t offset, DType dtype) {
  const char* at = data + offset;
  switch (dtype) {
    case DType::float64:
      return static_cast<Real>(*reinterpret_cast<const double*>(at));
    case DType::float32:
      return *reinterpret_cast<const float*>(at);
    case DType::float16:
      return static_cast<Real>(static_cast<double>(*reinterpret_cast<const float16*>(at)));
    default:
      return static_cast<Real>(static_cast<double>(*reinterpret_cast<const bfloat16*>(at)));
  }
}

template <class Real>
__device__ inline void store_element(char* data, std::int64_t offset, DType dtype, Real value) {
  char* at = data + offset;
  switch (dtype) {
    case DType::float64:
      *reinterpret_cast<double*>(at) = value;
      break;
    case DType::float32:
      *reinterpret_cast<float*>(at) = static_cast<float>(value);
      break;
    case DType::float16:
      *reinterpret_cast<float16*>(at) = static_cast<float16>(value);
      break;
    default:
      *reinterpret_cast<bfloat16*>(at) = static_cast<bfloat16>(value);
  }
}

// Element `index` of contiguous memory.
__device__ inline std::int64_t element_size(DType dtype) {
  return dtype == DType::float64 ? 8 : dtype == DType::float32 ? 4 : 2;
}
template <class Real>
__device__ inline Real load_element_at(const void* data, std::int64_t index, DType dtype) {
  return load_element<Real>(static_cast<const char*>(data), index * element_size(dtype), dtype);
}
template <class Real>
__device__ inline void store_element_at(void* data, std::int64_t index, DType dtype, Real value) {
  store_element<Real>(static_cast<char*>(data), index * element_size(dtype), dtype, value);
}

// Byte offsets of the three operands at flat index `index`, last dimension fastest.
__device__ inline void element_offsets(const ElementwiseParams& params, std::int64_t index,
                                       std::int64_t (&offsets)[3]) {
  offsets[0] = offsets[1] = offsets[2] = 0;
  for (int d = params.dims - 1; d >= 0; --d) {
    // The outermost digit needs no division; for tensors that coalesce to one dimension, none does.
    const std::int64_t quotient = d > 0 ? index / params.sizes[d] : 0;
    const std::int64_t digit = index - quotient * params.sizes[d];
    for (int k = 0; k < 3; ++k) offsets[k] += digit * params.strides[k][d];
    index = quotient;
  }
}

// Grid-stride loop: any grid covers any length, past 2^31 elements too.
template <class Functor>
__global__ void __launch_bounds__(kThreads)
    elementwise_kernel(const __grid_constant__ ElementwiseParams params, Functor functor) {
  using Real = typename Functor::Real;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (; index < params.total; index += step) {
    std::int64_t offsets[3];
    element_offsets(params, index, offsets);
    const auto first = load_element<Real>(params.first, offsets[0], params.in_dtype);
    const auto second = load_element<Real>(params.second, offsets[1], params.in_dtype);
    store_element(params.out, offsets[2], params.out_dtype, functor(first, second));
  }
}

}  // namespace longtail::cuda
