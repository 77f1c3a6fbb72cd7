// Elements whose type is known at run time: queries, exact keys and results are a small part of
// what the kernels read, and one kernel for all types is less to compile.
#pragma once

#include <cuda_runtime.h>

#include "core/elementwise.h"
#include "core/half.h"

namespace longtail::cuda {

__device__ inline float read_element(const void* data, DType dtype, std::int64_t i) {
  if (dtype == DType::float32) return static_cast<const float*>(data)[i];
  if (dtype == DType::float16) {
    return static_cast<float>(static_cast<double>(static_cast<const float16*>(data)[i]));
  }
  return static_cast<float>(static_cast<double>(static_cast<const bfloat16*>(data)[i]));
}
__device__ inline void write_element(void* data, DType dtype, std::int64_t i, float value) {
  if (dtype == DType::float32) {
    static_cast<float*>(data)[i] = value;
  } else if (dtype == DType::float16) {
    static_cast<float16*>(data)[i] = float16(static_cast<double>(value));
  } else {
    static_cast<bfloat16*>(data)[i] = bfloat16(static_cast<double>(value));
  }
}
__device__ inline int element_bytes(DType dtype) { return dtype == DType::float32 ? 4 : 2; }

}  // namespace longtail::cuda
