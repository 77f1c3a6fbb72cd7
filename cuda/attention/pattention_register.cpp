// pattention on CUDA: tensors to pointers, tokens in the computing type, the launches.
#include "cuda/core/call.h"
#include "cuda/attention/pattention_launch.h"
#include "torch/pattention.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Device;
using on_device::Memory;
using on_device::target;

// The tokens in S: copies, where they are of another type.
template <class S>
class Tokens {
 public:
  template <class T>
  Tokens(const Tensor& tensor, const Device& device, T*)
      : copy_(tensor, std::is_same_v<S, T> ? 0 : tensor.numel()), data_(copy_.data()) {
    if constexpr (std::is_same_v<S, T>) {
      data_ = on_device::data<S>(tensor);
    } else {
      cuda::launch_attention_convert<T, S>(tensor.numel(), on_device::data<T>(tensor), copy_.data(),
                                           device.stream());
    }
  }
  const S* data() const { return data_; }

 private:
  Memory<S> copy_;
  const S* data_;
};

struct CudaBackend {
  static void forward(const PattentionCall& call, const Tensor& y) {
    const Device device(call.x);
    on_device::with_types(call.types.rows, call.types.tokens, [&]<class E, class T>(E*, T* type) {
      using S = cuda::compute_type<E>;
      const Tokens<S> key(call.key, device, type), value(call.value, device, type);
      const Memory<S> rows(call.x, call.shape.rows * cuda::kPattentionRow);
      const auto problem =
          cuda::pattention_problem<E>(call.shape, data<E>(call.x), key.data(), value.data());
      cuda::launch_pattention<E>(problem, rows.data(), target<E>(y), device.stream());
    });
  }

  template <class Gradients>
  static void backward(const PattentionCall& call, const Tensor& grad, const Gradients& to) {
    const auto& [dx, dkey, dvalue] = to;
    const Device device(call.x);
    on_device::with_types(call.types.rows, call.types.tokens, [&]<class E, class T>(E*, T* type) {
      using S = cuda::compute_type<E>;
      const Tokens<S> key(call.key, device, type), value(call.value, device, type);
      const Memory<S> rows(call.x, call.shape.rows * cuda::kPattentionRow);
      const Memory<S> of_key(call.x, dkey.numel()), of_value(call.x, dvalue.numel());
      const auto problem =
          cuda::pattention_problem<E>(call.shape, data<E>(call.x), key.data(), value.data());
      cuda::launch_pattention_backward<E>(problem, data<E>(grad), rows.data(), target<E>(dx),
                                          of_key.data(), of_value.data(), device.stream());
      cuda::launch_attention_convert<S, T>(dkey.numel(), of_key.data(), target<T>(dkey),
                                           device.stream());
      cuda::launch_attention_convert<S, T>(dvalue.numel(), of_value.data(), target<T>(dvalue),
                                           device.stream());
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_pattention<CudaBackend>(m); }

}  // namespace longtail::torch_layer
