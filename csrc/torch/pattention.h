// The shape of pattention, shared by the CPU and the CUDA registration.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "attention/pattention.h"
#include "core/check.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

// What a call gives to its backend; tensors are contiguous.
struct PattentionCall {
  attention::PattentionShape shape;
  attention::PattentionTypes types;
  Tensor x, key, value;
};

inline PattentionCall pattention_call(const char* function, const Tensor& x, const Tensor& key,
                                      const Tensor& value, double tau) {
  const DType dtype = floating_dtype(x, function, "x");
  const DType of_tokens = floating_dtype(key, function, "key");
  check_argument(of_tokens == dtype || of_tokens == DType::float32, function, "key",
                 "of dtype " + std::string(to_string(of_tokens)),
                 "the dtype of x, " + std::string(to_string(dtype)) + ", or float32");
  check_same_device(key, x, function, "key", "x");
  check_same_dtype(value, key, function, "value", "key");
  check_same_device(value, x, function, "value", "x");
  check_argument(x.dim() > 0 && x.size(x.dim() - 1) > 0, function, "x",
                 "of shape " + shape_string(x), "at least one channel in the last dimension");
  const std::int64_t inputs = x.size(x.dim() - 1);
  check_argument(key.dim() == 2 && key.size(0) > 0 && key.size(1) == inputs, function, "key",
                 "of shape " + shape_string(key), "[tokens, " + std::to_string(inputs) + "]");
  const std::int64_t tokens = key.size(0);
  check_argument(value.dim() == 2 && value.size(0) == tokens && value.size(1) > 0, function,
                 "value", "of shape " + shape_string(value),
                 "[" + std::to_string(tokens) + ", channels]");
  check_argument(tau > 0, function, "tau", tau, "a positive number");
  using torch::stable::contiguous;
  return {{x.numel() / inputs, inputs, tokens, value.size(1), tau},
          {dtype, of_tokens},
          contiguous(x),
          contiguous(key),
          contiguous(value)};
}

inline std::vector<std::int64_t> pattention_sizes(const Tensor& x, const PattentionCall& call) {
  std::vector<std::int64_t> sizes = sizes_of(x);
  sizes.back() = call.shape.outputs;
  return sizes;
}

template <class Backend>
Tensor pattention_value(Tensor x, Tensor key, Tensor value, double tau) {
  const PattentionCall call = pattention_call("pattention", x, key, value, tau);
  Tensor y = torch::stable::new_empty(x, pattention_sizes(x, call));
  if (y.numel() > 0) Backend::forward(call, y);
  return y;
}

template <class Backend>
std::tuple<Tensor, Tensor, Tensor> pattention_gradient(Tensor grad, Tensor x, Tensor key,
                                                       Tensor value, double tau) {
  const char* function = "pattention_backward";
  const PattentionCall call = pattention_call(function, x, key, value, tau);
  check_same_dtype(grad, x, function, "grad", "x");
  check_same_device(grad, x, function, "grad", "x");
  check_argument(sizes_of(grad) == pattention_sizes(x, call), function, "grad",
                 "of shape " + shape_string(grad), "the shape of the result");
  std::tuple<Tensor, Tensor, Tensor> result(empty_contiguous(x), empty_contiguous(key),
                                            empty_contiguous(value));
  Backend::backward(call, torch::stable::contiguous(grad), result);
  return result;
}

template <class Backend>
void register_pattention(torch::stable::detail::StableLibrary& m) {
  m.impl("pattention", TORCH_BOX(&pattention_value<Backend>));
  m.impl("pattention_backward", TORCH_BOX(&pattention_gradient<Backend>));
}

}  // namespace longtail::torch_layer
