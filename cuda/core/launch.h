// Around a kernel launch: the caller's device and stream, and the check that the launch was taken.
//
// This library never links libtorch_cuda, so that it also loads beside a CPU-only torch. The one
// thing needed from there, torch's current stream, is looked up when the first kernel runs.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string_view>

namespace longtail::cuda {

// torch's current stream on a device. Throws std::runtime_error if libtorch_cuda is not loaded.
cudaStream_t current_stream(std::int32_t device_index);

// Throws std::runtime_error naming `kernel` if the launch just made was refused. Does not wait.
void check_launch(std::string_view kernel);

}  // namespace longtail::cuda
