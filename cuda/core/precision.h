// In which precision an element-wise kernel computes.
//
// float64 with one rounding at the end is best where the device's float64 units are fast. Consumer
// GPUs have one for every 64 of float32: there elements of float32 and narrower are computed in
// float32 throughout. LONGTAIL_CUDA_FLOAT32=float64 or =float32 overrides the choice.
#pragma once

#include "cuda/core/params.h"

namespace longtail::cuda {

// Whether to compute in float32 on the current device. Throws std::invalid_argument for any other
// value of the environment variable.
bool prefers_float32(const ElementwiseParams& params);

}  // namespace longtail::cuda
