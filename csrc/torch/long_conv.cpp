// Long convolutions on the CPU: tensors to pointers.
#include "torch/long_conv.h"

namespace longtail::torch_layer {
namespace {

using longconv::ConvInputs;
using torch::headeronly::ScalarType;

const void* data_or_null(const Tensor& tensor) {
  return given(tensor) ? tensor.const_data_ptr() : nullptr;
}
void* target_or_null(const Tensor& tensor) {
  return given(tensor) ? tensor.mutable_data_ptr() : nullptr;
}

ConvInputs inputs_of(const ConvCall& call, const Tensor& spectrum, const Tensor& gate_out) {
  return {call.u.const_data_ptr(),    spectrum.const_data_ptr(), data_or_null(call.skip),
          data_or_null(call.gate_in), data_or_null(gate_out),    data_or_null(call.state)};
}

struct CpuBackend {
  static std::vector<std::int64_t> spectrum_sizes(const ConvCall& call) {
    return {longconv::spectrum_size(call.shape, call.types.rows)};
  }
  static Tensor spectrum(const ConvCall& call) {
    const ScalarType type =
        call.types.rows == DType::float64 ? ScalarType::Double : ScalarType::Float;
    const Tensor result = torch::stable::new_empty(call.u, spectrum_sizes(call), type);
    longconv::conv_spectrum(call.shape, call.types, call.k.const_data_ptr(),
                            data_or_null(call.k_rev), result.mutable_data_ptr(),
                            torch_parallel_for());
    return result;
  }
  static void forward(const ConvCall& call, const Tensor& spectrum, const Tensor& y) {
    longconv::long_conv(call.shape, call.types, inputs_of(call, spectrum, call.gate_out),
                        y.mutable_data_ptr(), torch_parallel_for());
  }
  static void backward(const ConvCall& call, const Tensor& grad, const ConvGradientTensors& to) {
    const auto& [du, dk, dk_rev, dskip, dgate_in, dgate_out, dstate] = to;
    const Tensor of_taps = spectrum(call);
    longconv::long_conv_backward(
        call.shape, call.types, inputs_of(call, of_taps, call.gate_out), grad.const_data_ptr(),
        {du.mutable_data_ptr(), dk.mutable_data_ptr(), target_or_null(dk_rev),
         target_or_null(dskip), target_or_null(dgate_in), target_or_null(dstate)},
        torch_parallel_for());
    if (!given(call.gate_out)) return;
    longconv::long_conv(call.shape, call.types, inputs_of(call, of_taps, grad),
                        dgate_out.mutable_data_ptr(), torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_long_conv<CpuBackend>(m); }

}  // namespace longtail::torch_layer
