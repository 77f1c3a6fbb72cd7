// The CUDA entry points of the log-Bessel functions; no torch here.
#pragma once

#include <cuda_runtime.h>

#include "bessel/kernels.h"
#include "cuda/core/params.h"

namespace longtail::cuda {

// Queues the partial derivative of `function` of the given orders (0, 0: the value) on `stream`.
// Each specialisation is compiled in the file of its name, cuda/bessel/<function>.cu.
template <bessel::Function function>
void launch(int order_first, int order_second, const ElementwiseParams& params,
            cudaStream_t stream);

}  // namespace longtail::cuda
