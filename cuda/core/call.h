// Around the launches of the torch layer: the tensors' device and stream, memory, pointers.
#pragma once

#include <torch/csrc/stable/accelerator.h>

#include "cuda/core/launch.h"
#include "torch/tensor.h"

namespace longtail::torch_layer::on_device {

// The device of a tensor made current, and torch's stream there.
class Device {
 public:
  explicit Device(const Tensor& tensor)
      : guard_(tensor.get_device_index()),
        stream_(cuda::current_stream(tensor.get_device_index())) {}
  cudaStream_t stream() const { return stream_; }

 private:
  torch::stable::accelerator::DeviceGuard guard_;
  cudaStream_t stream_;
};

// Uninitialised memory on the device of `like`.
template <class S>
class Memory {
 public:
  Memory(const Tensor& like, std::int64_t count)
      : tensor_(float64_buffer(like, (count * static_cast<std::int64_t>(sizeof(S)) + 7) / 8)) {}
  S* data() const { return static_cast<S*>(tensor_.mutable_data_ptr()); }

 private:
  Tensor tensor_;
};

template <class E>
const E* data(const Tensor& tensor) {
  return static_cast<const E*>(tensor.const_data_ptr());
}
template <class E>
E* target(const Tensor& tensor) {
  return static_cast<E*>(tensor.mutable_data_ptr());
}

// Calls run(E*, P*) with null pointers that carry the types of tokens and of parameters, which are
// the same or float32.
template <class Run>
void with_types(DType tokens, DType parameters, const Run& run) {
  with_element_type(tokens, [&]<class E>(E* e) {
    if (parameters == tokens) return run(e, e);
    return run(e, static_cast<float*>(nullptr));
  });
}

}  // namespace longtail::torch_layer::on_device
