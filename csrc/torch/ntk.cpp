// ntk_attention on the CPU: tensors to pointers.
#include "torch/ntk.h"

namespace longtail::torch_layer {
namespace {

attention::NtkInputs inputs_of(const NtkCall& call) {
  return {call.q.const_data_ptr(), call.k.const_data_ptr(), call.v.const_data_ptr(),
          call.z.const_data_ptr(), call.kappa.const_data_ptr()};
}

struct CpuBackend {
  static void forward(const NtkCall& call, const Tensor& out, const Tensor& lse) {
    attention::ntk_attention(call.shape, call.types, inputs_of(call), out.mutable_data_ptr(),
                             static_cast<double*>(lse.mutable_data_ptr()), torch_parallel_for());
  }
  template <class Gradients>
  static void backward(const NtkCall& call, const Tensor& grad, const Tensor& out,
                       const Tensor& lse, const Gradients& to) {
    const auto& [q, k, v, z, kappa] = to;
    attention::ntk_attention_backward(
        call.shape, call.types, grad.const_data_ptr(), inputs_of(call), out.const_data_ptr(),
        static_cast<const double*>(lse.const_data_ptr()),
        {q.mutable_data_ptr(), k.mutable_data_ptr(), v.mutable_data_ptr(), z.mutable_data_ptr(),
         kappa.mutable_data_ptr()},
        torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_ntk<CpuBackend>(m); }

}  // namespace longtail::torch_layer
