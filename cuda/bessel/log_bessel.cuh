// The functors that the element-wise kernel applies: the scalar templates of csrc/bessel, in
// float64 whatever the tensor's element type, so that one rounding remains.
#pragma once

#include "bessel/evaluate.h"

namespace longtail::cuda {

template <bessel::Function function, int order_first, int order_second>
struct Evaluate {
  __device__ double operator()(double first, double second) const {
    return bessel::evaluate<function, order_first, order_second>(first, second);
  }
};

}  // namespace longtail::cuda
