// Log-Bessel operators on CUDA: tensors to views, the tensors' device and stream, then the launch.
#include <array>

#include "cuda/bessel/launch.h"
#include "cuda/core/call.h"
#include "torch/bessel.h"

namespace longtail::torch_layer {
namespace {

using Launch = void (*)(int, int, const cuda::ElementwiseParams&, cudaStream_t);

constexpr std::array<Launch, 8> kLaunches = {
    &cuda::launch<Function::log_bessel_i>,   &cuda::launch<Function::log_bessel_k>,
    &cuda::launch<Function::log_bessel_ie>,  &cuda::launch<Function::log_bessel_ke>,
    &cuda::launch<Function::bessel_i_ratio>, &cuda::launch<Function::bessel_k_ratio>,
    &cuda::launch<Function::log_hyp0f1>,     &cuda::launch<Function::matern>};

struct CudaBackend {
  static void run(Function function, int order_first, int order_second, const Tensor& first,
                  const Tensor& second, const Tensor& out) {
    const bessel::Signature& names = bessel::signature(function);
    const DType in_dtype = floating_dtype(first, names.name, names.first);
    const DType out_dtype = floating_dtype(out, names.name, "out");
    const auto first_strides = byte_strides(first, in_dtype);
    const auto second_strides = byte_strides(second, in_dtype);
    const auto out_strides = byte_strides(out, out_dtype);
    const cuda::ElementwiseParams params = cuda::elementwise_params(
        sizes_of(first), {on_device::data<std::byte>(first), in_dtype, first_strides},
        {on_device::data<std::byte>(second), in_dtype, second_strides},
        {on_device::target<std::byte>(out), out_dtype, out_strides});

    const on_device::Device device(first);
    kLaunches[static_cast<std::size_t>(function)](order_first, order_second, params,
                                                  device.stream());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_bessel<CudaBackend>(m); }

}  // namespace longtail::torch_layer
