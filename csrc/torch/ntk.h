// The shape of ntk_attention, shared by the CPU and the CUDA registration.
#pragma once

#include <initializer_list>
#include <string>
#include <tuple>
#include <vector>

#include "attention/ntk.h"
#include "core/check.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

// What a call gives to its backend; tensors are contiguous.
struct NtkCall {
  attention::NtkShape shape;
  attention::NtkTypes types;
  Tensor q, k, v, z, kappa;
};

inline void check_ntk_shape(const char* function, const char* name, const Tensor& tensor,
                            std::initializer_list<std::int64_t> expected) {
  std::string wanted;
  for (const std::int64_t size : expected) {
    wanted += (wanted.empty() ? "[" : ", ") + std::to_string(size);
  }
  check_argument(sizes_of(tensor) == std::vector<std::int64_t>(expected), function, name,
                 "of shape " + shape_string(tensor), wanted + "]");
}

inline NtkCall ntk_call(const char* function, const Tensor& q, const Tensor& k, const Tensor& v,
                        const Tensor& z, const Tensor& kappa, bool is_causal, double scale) {
  const DType dtype = floating_dtype(q, function, "q");
  for (const auto& [tensor, name] : {std::pair{&k, "k"}, {&v, "v"}}) {
    check_same_dtype(*tensor, q, function, name, "q");
    check_same_device(*tensor, q, function, name, "q");
  }
  const DType of_prefix = floating_dtype(z, function, "z");
  check_argument(of_prefix == dtype || of_prefix == DType::float32, function, "z",
                 "of dtype " + std::string(to_string(of_prefix)),
                 "the dtype of q, " + std::string(to_string(dtype)) + ", or float32");
  check_same_device(z, q, function, "z", "q");
  check_same_dtype(kappa, z, function, "kappa", "z");
  check_same_device(kappa, q, function, "kappa", "q");
  for (const auto& [tensor, name] : {std::pair{&q, "q"}, {&k, "k"}, {&v, "v"}, {&z, "z"}}) {
    check_argument(tensor->dim() == 4, function, name, "of shape " + shape_string(*tensor),
                   "four dimensions");
  }
  const std::int64_t batch = q.size(0), heads = q.size(1), channels = q.size(3);
  const std::int64_t keys = k.size(2), values = v.size(3);
  check_argument(channels > 0 && values > 0, function, "v", "of shape " + shape_string(v),
                 "at least one channel here and in q");
  check_ntk_shape(function, "k", k, {batch, heads, keys, channels});
  check_ntk_shape(function, "v", v, {batch, heads, keys, values});
  const bool shared = z.size(0) == 1;
  const std::int64_t prefixes = shared ? 1 : batch;
  check_ntk_shape(function, "z", z, {prefixes, heads, channels, values});
  check_ntk_shape(function, "kappa", kappa, {prefixes, heads, channels});
  using torch::stable::contiguous;
  return {{batch, heads, q.size(2), keys, channels, values, is_causal, shared, scale},
          {dtype, of_prefix},
          contiguous(q),
          contiguous(k),
          contiguous(v),
          contiguous(z),
          contiguous(kappa)};
}

template <class Backend>
std::tuple<Tensor, Tensor> ntk_value(Tensor q, Tensor k, Tensor v, Tensor z, Tensor kappa,
                                     bool is_causal, double scale) {
  const NtkCall call = ntk_call("ntk_attention", q, k, v, z, kappa, is_causal, scale);
  const auto& shape = call.shape;
  const std::vector<std::int64_t> of_out = {shape.batch, shape.heads, shape.queries, shape.values};
  const std::vector<std::int64_t> of_lse = {shape.batch, shape.heads, shape.queries};
  Tensor out = torch::stable::new_empty(q, of_out);
  Tensor lse = torch::stable::new_empty(q, of_lse, torch::headeronly::ScalarType::Double);
  if (out.numel() > 0) Backend::forward(call, out, lse);
  return {out, lse};
}

template <class Backend>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> ntk_gradient(Tensor grad, Tensor q, Tensor k,
                                                                Tensor v, Tensor z, Tensor kappa,
                                                                bool is_causal, double scale,
                                                                Tensor out, Tensor lse) {
  const char* function = "ntk_attention_backward";
  const NtkCall call = ntk_call(function, q, k, v, z, kappa, is_causal, scale);
  const auto& shape = call.shape;
  for (const auto& [tensor, name] : {std::pair{&grad, "grad"}, {&out, "out"}}) {
    check_same_dtype(*tensor, q, function, name, "q");
    check_same_device(*tensor, q, function, name, "q");
    check_ntk_shape(function, name, *tensor,
                    {shape.batch, shape.heads, shape.queries, shape.values});
  }
  check_argument(floating_dtype(lse, function, "lse") == DType::float64, function, "lse",
                 "of dtype " + std::string(to_string(floating_dtype(lse, function, "lse"))),
                 "float64");
  check_same_device(lse, q, function, "lse", "q");
  check_ntk_shape(function, "lse", lse, {shape.batch, shape.heads, shape.queries});
  std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> result(
      empty_contiguous(q), empty_contiguous(k), empty_contiguous(v), empty_contiguous(z),
      empty_contiguous(kappa));
  using torch::stable::contiguous;
  Backend::backward(call, contiguous(grad), contiguous(out), contiguous(lse), result);
  return result;
}

template <class Backend>
void register_ntk(torch::stable::detail::StableLibrary& m) {
  m.impl("ntk_attention", TORCH_BOX(&ntk_value<Backend>));
  m.impl("ntk_attention_backward", TORCH_BOX(&ntk_gradient<Backend>));
}

}  // namespace longtail::torch_layer
