// pattention on the CPU: tensors to pointers.
#include "torch/pattention.h"

namespace longtail::torch_layer {
namespace {

struct CpuBackend {
  static void forward(const PattentionCall& call, const Tensor& y) {
    attention::pattention(call.shape, call.types, call.x.const_data_ptr(),
                          call.key.const_data_ptr(), call.value.const_data_ptr(),
                          y.mutable_data_ptr(), torch_parallel_for());
  }
  template <class Gradients>
  static void backward(const PattentionCall& call, const Tensor& grad, const Gradients& to) {
    const auto& [dx, dkey, dvalue] = to;
    attention::pattention_backward(
        call.shape, call.types, grad.const_data_ptr(), call.x.const_data_ptr(),
        call.key.const_data_ptr(), call.value.const_data_ptr(), dx.mutable_data_ptr(),
        dkey.mutable_data_ptr(), dvalue.mutable_data_ptr(), torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_pattention<CpuBackend>(m); }

}  // namespace longtail::torch_layer
