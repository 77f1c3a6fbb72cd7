// The element types of tensors as C++ types: which type computes for each, and how elements are
// read and written.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "core/element_type.h"

namespace longtail::cuda {

// double for float64, float for the rest.
template <class E>
struct ComputeType {
  using type = float;
};
template <>
struct ComputeType<double> {
  using type = double;
};
template <class E>
using compute_type = typename ComputeType<E>::type;

// An element as S, and back with one rounding. Between the 16-bit types and float a GPU has
// instructions; all else converts by way of double, which no consumer's GPU is fast at.
template <class S, class E>
__device__ inline S read_as(E e) {
  if constexpr (sizeof(E) >= 4) {
    return static_cast<S>(e);
#if defined(__CUDA_ARCH__)
  } else if constexpr (sizeof(S) == 4 && std::is_same_v<E, bfloat16>) {
    return bits_as<float>(static_cast<std::uint32_t>(e.bits) << 16);
  } else if constexpr (sizeof(S) == 4) {
    float result;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(e.bits));
    return result;
#endif
  } else {
    return static_cast<S>(static_cast<double>(e));
  }
}
template <class E, class S>
__device__ inline E write_as(S s) {
  if constexpr (sizeof(E) >= 4) {
    return static_cast<E>(s);
#if defined(__CUDA_ARCH__)
  } else if constexpr (sizeof(S) == 4) {
    E result;
    if constexpr (std::is_same_v<E, bfloat16>) {
      asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(s));
    } else {
      asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(s));
    }
    return result;
#endif
  } else {
    return static_cast<E>(static_cast<double>(s));
  }
}

using longtail::with_element_type;

}  // namespace longtail::cuda
