// Diagonal state spaces on the CPU: tensors to pointers.
#include "torch/s4d.h"

namespace longtail::torch_layer {
namespace {

const double* doubles(const Tensor& tensor) {
  return static_cast<const double*>(tensor.const_data_ptr());
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
    longconv::s4d_scan(call.shape, call.dtype,
                       {call.u.const_data_ptr(), doubles(call.base), doubles(call.drive),
                        doubles(call.readout), given(call.skip) ? doubles(call.skip) : nullptr,
                        given(call.state) ? doubles(call.state) : nullptr},
                       y.mutable_data_ptr(), static_cast<double*>(last.mutable_data_ptr()),
                       torch_parallel_for());
  }
  static void step(const Tensor&, const longconv::S4dStep& step, const Tensor& y,
                   const Tensor& next) {
    longconv::s4d_step(step, y.mutable_data_ptr(), next.mutable_data_ptr(), torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_s4d<CpuBackend>(m); }

}  // namespace longtail::torch_layer
