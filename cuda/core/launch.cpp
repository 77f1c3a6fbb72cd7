#include "cuda/core/launch.h"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

namespace longtail::cuda {
namespace {

// aoti_torch_get_current_cuda_stream of torch's stable C interface.
using GetStream = std::int32_t (*)(std::int32_t device_index, void** stream);

GetStream find_get_stream() {
  // RTLD_NOLOAD: only the library that torch itself has loaded, never a second copy.
  void* library = dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_NOLOAD);
  void* symbol =
      library != nullptr ? dlsym(library, "aoti_torch_get_current_cuda_stream") : nullptr;
  if (symbol == nullptr) {
    throw std::runtime_error(
        "longtail: CUDA kernel called, but libtorch_cuda.so is not loaded: this torch is "
        "CPU-only; install a CUDA build of torch >= 2.10");
  }
  return reinterpret_cast<GetStream>(symbol);
}

}  // namespace

cudaStream_t current_stream(std::int32_t device_index) {
  static const GetStream get_stream = find_get_stream();
  void* stream = nullptr;
  if (get_stream(device_index, &stream) != 0) {
    throw std::runtime_error("longtail: torch gave no CUDA stream for device " +
                             std::to_string(device_index));
  }
  return static_cast<cudaStream_t>(stream);
}

void check_launch(std::string_view kernel) {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) {
    throw std::runtime_error("longtail: launch of CUDA kernel " + std::string(kernel) +
                             " failed: " + cudaGetErrorString(status));
  }
}

}  // namespace longtail::cuda
