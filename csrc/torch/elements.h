// The elements of small contiguous CPU tensors of any floating type, for parameters.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/elementwise.h"
#include "core/half.h"

namespace longtail::torch_layer {

// Calls visit(element, k) with element k = 0, 1, ... by reference.
template <class Data, class Visit>
void for_each_element(Data* data, DType dtype, std::int64_t count, const Visit& visit) {
  const auto all = [&]<class E>(E* elements) {
    for (std::int64_t i = 0; i < count; ++i) visit(elements[i], i);
  };
  switch (dtype) {
    case DType::float64:
      return all(
          static_cast<std::conditional_t<std::is_const_v<Data>, const double, double>*>(data));
    case DType::float32:
      return all(static_cast<std::conditional_t<std::is_const_v<Data>, const float, float>*>(data));
    case DType::float16:
      return all(
          static_cast<std::conditional_t<std::is_const_v<Data>, const float16, float16>*>(data));
    default:
      return all(
          static_cast<std::conditional_t<std::is_const_v<Data>, const bfloat16, bfloat16>*>(data));
  }
}

}  // namespace longtail::torch_layer
