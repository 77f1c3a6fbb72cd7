// Kernels on a stream, for the steps of a call.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include "cuda/core/launch.h"

namespace longtail::cuda {

struct OnStream {
  cudaStream_t stream;

  template <class... P, class... A>
  void operator()(void (*kernel)(P...), dim3 grid, int threads, std::size_t shared,
                  const A&... arguments) const {
    constexpr std::size_t without_asking = 48 << 10;
    if (shared > without_asking) {
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(shared));
    }
    kernel<<<grid, threads, shared, stream>>>(arguments...);
    check_launch("multigrid");
  }

  // Waits for the stream.
  int read(const int* from) const {
    int value = 0;
    cudaError_t status =
        cudaMemcpyAsync(&value, from, sizeof(value), cudaMemcpyDeviceToHost, stream);
    if (status == cudaSuccess) status = cudaStreamSynchronize(stream);
    if (status != cudaSuccess) {
      throw std::runtime_error(std::string("longtail: a multigrid solver could not be asked "
                                           "whether it has converged: ") +
                               cudaGetErrorString(status));
    }
    return value;
  }
};

}  // namespace longtail::cuda
