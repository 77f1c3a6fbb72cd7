// The floating element types of tensors as C++ types.
#pragma once

#include <type_traits>

#include "core/elementwise.h"
#include "core/half.h"

namespace longtail {

template <class E>
inline constexpr DType kDType = std::is_same_v<E, double>    ? DType::float64
                                : std::is_same_v<E, float>   ? DType::float32
                                : std::is_same_v<E, float16> ? DType::float16
                                                             : DType::bfloat16;

// Calls run(pointer) with a null pointer that only carries the element type.
template <class Run>
void with_element_type(DType dtype, const Run& run) {
  switch (dtype) {
    case DType::float64:
      return run(static_cast<double*>(nullptr));
    case DType::float32:
      return run(static_cast<float*>(nullptr));
    case DType::float16:
      return run(static_cast<float16*>(nullptr));
    default:
      return run(static_cast<bfloat16*>(nullptr));
  }
}

}  // namespace longtail
