// Short convolutions on the CPU: tensors to pointers.
#include "torch/short_conv.h"

namespace longtail::torch_layer {
namespace {

struct CpuBackend {
  static void forward(const ShortConvCall& call, const Tensor& y) {
    longconv::short_conv(call.shape, call.types, call.inputs(), y.mutable_data_ptr(),
                         torch_parallel_for());
  }
  static void step(const ShortConvCall& call, const Tensor& y, const Tensor& next_state) {
    longconv::short_conv_step(call.shape, call.types, call.inputs(), y.mutable_data_ptr(),
                              next_state.mutable_data_ptr(), torch_parallel_for());
  }
  static void backward(const ShortConvCall& call, const Tensor& grad,
                       const ShortConvGradientTensors& to) {
    const auto& [du, dw, dbias, dstate] = to;
    const auto or_null = [](const Tensor& tensor) {
      return given(tensor) ? tensor.mutable_data_ptr() : nullptr;
    };
    longconv::short_conv_backward(
        call.shape, call.types, call.inputs(), grad.const_data_ptr(),
        {du.mutable_data_ptr(), dw.mutable_data_ptr(), or_null(dbias), or_null(dstate)},
        torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_short_conv<CpuBackend>(m); }

}  // namespace longtail::torch_layer
