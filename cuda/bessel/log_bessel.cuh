// The functors that the element-wise kernel applies: the scalar templates of csrc/bessel in one
// working precision.
#pragma once

#include <cuda_runtime.h>

#include "bessel/evaluate.h"

namespace longtail::cuda {

template <bessel::Function function, int order_first, int order_second, class Working>
struct Evaluate {
  using Real = Working;
  __device__ Real operator()(Real first, Real second) const {
    return bessel::evaluate<function, order_first, order_second>(first, second);
  }
};

}  // namespace longtail::cuda
