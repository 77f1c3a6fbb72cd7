// The bodies of the launches that depend on the element type.
#pragma once

#include "cuda/core/launch.h"
#include "cuda/longconv/conv_steps.cuh"

namespace longtail::cuda {

struct ConvOnStream {
  cudaStream_t stream;

  template <class... P, class... A>
  void operator()(void (*kernel)(P...), unsigned blocks, int threads, std::size_t shared,
                  const A&... arguments) const {
    constexpr std::size_t without_asking = 48 << 10;
    if (shared > without_asking) {
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(shared));
    }
    kernel<<<blocks, threads, shared, stream>>>(arguments...);
    check_launch("long_conv");
  }
};

// In long_conv_fft.cu.
extern template class FftSteps<float, ConvOnStream>;
extern template class FftSteps<double, ConvOnStream>;

template <class E>
void launch_conv_spectrum(const ConvProblem& problem, compute_type<E>* roots, const void* k,
                          const void* k_rev, compute_type<E>* spectrum, cudaStream_t stream) {
  const ConvOnStream launch{stream};
  ConvSteps<E, ConvOnStream>(problem, launch, roots).spectrum(k, k_rev, spectrum);
}

template <class E>
void launch_long_conv(const ConvProblem& problem, compute_type<E>* roots,
                      const longconv::ConvInputs& inputs, compute_type<E>* work, void* y,
                      cudaStream_t stream) {
  const ConvOnStream launch{stream};
  ConvSteps<E, ConvOnStream>(problem, launch, roots).forward(inputs, work, y);
}

template <class E>
void launch_long_conv_backward(const ConvProblem& problem, compute_type<E>* roots,
                               const longconv::ConvInputs& inputs, const void* grad,
                               const longconv::ConvGradients& gradients, compute_type<E>* work,
                               compute_type<E>* sums, double* skips, cudaStream_t stream) {
  const ConvOnStream launch{stream};
  ConvSteps<E, ConvOnStream>(problem, launch, roots)
      .backward(inputs, grad, gradients, work, sums, skips);
}

}  // namespace longtail::cuda
