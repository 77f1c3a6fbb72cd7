// Short convolutions on CUDA: tensors to pointers, memory for partial sums, the launches.
#include "cuda/core/call.h"
#include "cuda/core/element_type.h"
#include "cuda/longconv/short_conv_launch.h"
#include "torch/short_conv.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Device;
using on_device::Memory;
using on_device::target;

struct CudaBackend {
  static void forward(const ShortConvCall& call, const Tensor& y) {
    const Device device(call.u);
    on_device::with_types(call.types.rows, call.types.taps, [&]<class E, class P>(E*, P*) {
      cuda::launch_short_conv<E, P>(call.shape, call.inputs(), target<E>(y), device.stream());
    });
  }
  static void step(const ShortConvCall& call, const Tensor& y, const Tensor& next_state) {
    const Device device(call.u);
    on_device::with_types(call.types.rows, call.types.taps, [&]<class E, class P>(E*, P*) {
      cuda::launch_short_conv_step<E, P>(call.shape, call.inputs(), target<E>(y),
                                         target<E>(next_state), device.stream());
    });
  }
  static void backward(const ShortConvCall& call, const Tensor& grad,
                       const ShortConvGradientTensors& to) {
    const auto& [du, dw, dbias, dstate] = to;
    const auto or_null = [](const Tensor& tensor) {
      return given(tensor) ? tensor.mutable_data_ptr() : nullptr;
    };
    const longconv::ShortConvGradients gradients = {du.mutable_data_ptr(), dw.mutable_data_ptr(),
                                                    or_null(dbias), or_null(dstate)};
    const Device device(call.u);
    const std::int64_t sums = cuda::short_conv_parts(call.shape) * (call.shape.taps + 1);
    const Memory<double> partial(call.u, call.shape.heads * sums);
    on_device::with_types(call.types.rows, call.types.taps, [&]<class E, class P>(E*, P*) {
      cuda::launch_short_conv_backward<E, P>(call.shape, call.inputs(), data<E>(grad), gradients,
                                             partial.data(), device.stream());
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_short_conv<CudaBackend>(m); }

}  // namespace longtail::torch_layer
