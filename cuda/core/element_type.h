// The element types of tensors as C++ types: which type computes for each, and how elements are
// read and written.
#pragma once

#include <cuda_runtime.h>

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

// An element as S, and back with one rounding. The 16-bit types convert by way of double.
template <class S, class E>
__device__ inline S read_as(E e) {
  if constexpr (sizeof(E) >= 4) return static_cast<S>(e);
  if constexpr (sizeof(E) < 4) return static_cast<S>(static_cast<double>(e));
}
template <class E, class S>
__device__ inline E write_as(S s) {
  if constexpr (sizeof(E) >= 4) return static_cast<E>(s);
  if constexpr (sizeof(E) < 4) return static_cast<E>(static_cast<double>(s));
}

using longtail::with_element_type;

}  // namespace longtail::cuda
