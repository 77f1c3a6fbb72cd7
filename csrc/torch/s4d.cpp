// Diagonal state spaces on the CPU: tensors to pointers.
#include "torch/s4d.h"

namespace longtail::torch_layer {
namespace {

const double* doubles(const Tensor& tensor) {
  return static_cast<const double*>(tensor.const_data_ptr());
}

longconv::S4dInputs inputs(const S4dCall& call) {
  return {call.u.const_data_ptr(),
          doubles(call.base),
          doubles(call.drive),
          doubles(call.readout),
          given(call.skip) ? doubles(call.skip) : nullptr,
          given(call.state) ? doubles(call.state) : nullptr};
}

struct CpuBackend {
  static void vandermonde(const longconv::VandermondeShape& shape, DType dtype, const Tensor& base,
                          const Tensor& weights, const Tensor& k) {
    longconv::vandermonde(shape, dtype, doubles(base), doubles(weights), k.mutable_data_ptr(),
                          torch_parallel_for());
  }
  static void transposed(const longconv::VandermondeShape& shape, DType dtype, const Tensor& base,
                         const Tensor& v, const Tensor& sums) {
    longconv::vandermonde_transposed(shape, dtype, doubles(base), v.const_data_ptr(),
                                     static_cast<double*>(sums.mutable_data_ptr()),
                                     torch_parallel_for());
  }
  static void scan(const S4dCall& call, const Tensor& y, const Tensor& last) {
    longconv::s4d_scan(call.shape, call.dtype, inputs(call), y.mutable_data_ptr(),
                       static_cast<double*>(last.mutable_data_ptr()), torch_parallel_for());
  }
  static void scan_backward(const S4dCall& call, const Tensor& grad, const Tensor& last, bool rows,
                            bool coefficients, const S4dGradientTensors& result) {
    const auto& [u, base, drive, readout, skip, state] = result;
    const auto target = [](const Tensor& tensor, bool wanted) {
      return wanted ? static_cast<double*>(tensor.mutable_data_ptr()) : nullptr;
    };
    const longconv::S4dGradients to = {rows ? u.mutable_data_ptr() : nullptr,
                                       target(base, coefficients),
                                       target(drive, coefficients),
                                       target(readout, coefficients),
                                       target(skip, coefficients && given(call.skip)),
                                       target(state, given(call.state))};
    longconv::s4d_scan_backward(call.shape, call.dtype, inputs(call), grad.const_data_ptr(),
                                given(last) ? doubles(last) : nullptr, to, torch_parallel_for());
  }
  static void step(const Tensor&, const longconv::S4dStep& step, const Tensor& y,
                   const Tensor& next) {
    longconv::s4d_step(step, y.mutable_data_ptr(), next.mutable_data_ptr(), torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_s4d<CpuBackend>(m); }

}  // namespace longtail::torch_layer
