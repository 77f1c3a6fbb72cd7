// Elements of float32, float16 and bfloat16 as float and back by one instruction; float16 and E4M3
// as bits for tensor cores.
#pragma once

#include <cuda_runtime.h>

#include "core/e4m3.h"
#include "core/half.h"
#include "cuda/attention/prefill_plan.h"

namespace longtail::cuda {

__device__ inline float half_to_float(std::uint16_t bits) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(bits));
  return result;
#else
  return static_cast<float>(static_cast<double>(float16::from_bits(bits)));
#endif
}

__device__ inline std::uint16_t float_to_half(float x) {
#if defined(__CUDA_ARCH__)
  std::uint16_t result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(x));
  return result;
#else
  return float16(static_cast<double>(x)).bits;
#endif
}

/// Two halves in one register, `first` in the lower bits.
__device__ inline unsigned halves(float first, float second) {
#if defined(__CUDA_ARCH__)
  unsigned result;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(second), "f"(first));
  return result;
#else
  return float_to_half(first) | static_cast<unsigned>(float_to_half(second)) << 16;
#endif
}

/// Two numbers in E4M3, `first` in the lower byte.
__device__ inline std::uint16_t e4m3_pair(float first, float second) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
  std::uint16_t result;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(result) : "f"(second), "f"(first));
  return result;
#else
  return static_cast<std::uint16_t>(E4m3(first).bits | E4m3(second).bits << 8);
#endif
}

/// Four of them, the first in the lowest byte.
__device__ inline unsigned e4m3_four(float a, float b, float c, float d) {
  return e4m3_pair(a, b) | static_cast<unsigned>(e4m3_pair(c, d)) << 16;
}

/// 2^x; nothing for x far below zero.
__device__ inline float exp2_fast(float x) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#else
  return exp2f(x);
#endif
}

__device__ inline float read_element(const void* data, std::int64_t index, DType dtype) {
  if (dtype == DType::float32) return static_cast<const float*>(data)[index];
  const std::uint16_t bits = static_cast<const std::uint16_t*>(data)[index];
  return dtype == DType::float16 ? half_to_float(bits)
                                 : bits_as<float>(static_cast<std::uint32_t>(bits) << 16);
}

__device__ inline void write_element(void* data, std::int64_t index, DType dtype, float x) {
  if (dtype == DType::float32) {
    static_cast<float*>(data)[index] = x;
  } else if (dtype == DType::float16) {
    static_cast<std::uint16_t*>(data)[index] = float_to_half(x);
  } else {
    static_cast<bfloat16*>(data)[index] = bfloat16(static_cast<double>(x));
  }
}

/// What a mask adds to the score at an element; scores are powers of two.
__device__ inline float masked_score(const attention::Mask& mask, std::int64_t index, float score) {
  constexpr float log2_e = 0x1.715476p+0f, infinity = __builtin_inff();
  if (mask.kind == attention::Mask::Kind::boolean) {
    return mask.data[index] == std::byte{0} ? -infinity : score;
  }
  if (mask.dtype != DType::float64)
    return score + log2_e * read_element(mask.data, index, mask.dtype);
  return score + log2_e * static_cast<float>(reinterpret_cast<const double*>(mask.data)[index]);
}

}  // namespace longtail::cuda
