// The elements of small contiguous CPU tensors of any floating type, for parameters.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/element_type.h"

namespace longtail::torch_layer {

// Calls visit(element, k) with element k = 0, 1, ... by reference.
template <class Data, class Visit>
void for_each_element(Data* data, DType dtype, std::int64_t count, const Visit& visit) {
  with_element_type(dtype, [&]<class E>(E*) {
    auto* elements = static_cast<std::conditional_t<std::is_const_v<Data>, const E, E>*>(data);
    for (std::int64_t i = 0; i < count; ++i) visit(elements[i], i);
  });
}

}  // namespace longtail::torch_layer
