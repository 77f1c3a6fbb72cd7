// The shape of the long convolution operators, shared by the CPU and the CUDA registration.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <tuple>
#include <vector>

#include "longconv/long_conv.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

// What a call gives to its backend; tensors are contiguous, of shape [0] where there is none.
struct ConvCall {
  longconv::ConvShape shape;
  longconv::ConvTypes types;
  Tensor u, k, k_rev, skip, gate_in, gate_out, state;
};

inline bool given(const Tensor& tensor) { return tensor.dim() != 1 || tensor.size(0) != 0; }

using Sizes = torch::headeronly::IntHeaderOnlyArrayRef;

/// A tensor of that shape, with the dtype and the device of another.
inline void check_part(const char* function, const char* name, const Tensor& tensor, Sizes sizes,
                       const Tensor& like, const char* like_name, const char* or_else = "") {
  check_same_device(tensor, like, function, name, like_name);
  check_same_dtype(tensor, like, function, name, like_name);
  const Sizes got = tensor.sizes();
  if (std::equal(got.begin(), got.end(), sizes.begin(), sizes.end())) return;
  std::string expected = "[";
  for (const std::int64_t size : sizes) {
    expected += (expected.size() > 1 ? ", " : "") + std::to_string(size);
  }
  fail_argument(function, name, "of shape " + shape_string(tensor), expected + "]" + or_else);
}

inline void check_conv_part(const char* function, const char* name, const Tensor& tensor,
                            std::initializer_list<std::int64_t> sizes, const Tensor& like,
                            const char* like_name) {
  check_same_device(tensor, like, function, name, like_name);
  if (!given(tensor)) return;
  check_part(function, name, tensor, sizes, like, like_name, ", or [0] for none");
}

inline ConvCall conv_call(const char* function, const Tensor& u, const Tensor& k,
                          const Tensor& k_rev, const Tensor& skip, const Tensor& gate_in,
                          const Tensor& gate_out, const Tensor& state) {
  const DType rows = floating_dtype(u, function, "u"), taps = floating_dtype(k, function, "k");
  longconv::check_conv_types(function, "k", {rows, taps});
  check_same_device(k, u, function, "k", "u");
  check_argument(u.dim() == 3, function, "u", "of shape " + shape_string(u),
                 "[batch, heads, length]");
  const std::int64_t batch = u.size(0), heads = u.size(1), length = u.size(2);
  check_argument(k.dim() == 3 && k.size(1) == heads && k.size(2) > 0, function, "k",
                 "of shape " + shape_string(k),
                 "[outputs, " + std::to_string(heads) + ", taps], at least one tap");
  const std::int64_t outputs = k.size(0), count = k.size(2);
  const std::int64_t before = given(k_rev) ? k_rev.size(k_rev.dim() - 1) : 0;
  check_conv_part(function, "k_rev", k_rev, {outputs, heads, before}, k, "k");
  check_conv_part(function, "skip", skip, {outputs, heads}, k, "k");
  check_conv_part(function, "gate_in", gate_in, {batch, heads, length}, u, "u");
  check_conv_part(function, "gate_out", gate_out, {batch, outputs, heads, length}, u, "u");
  check_conv_part(function, "state", state, {batch, heads, count - 1}, u, "u");
  return {{batch, heads, outputs, length, count, before, given(state) && count > 1},
          {rows, taps},
          as_contiguous(u),
          as_contiguous(k),
          as_contiguous(k_rev),
          as_contiguous(skip),
          as_contiguous(gate_in),
          as_contiguous(gate_out),
          as_contiguous(state)};
}

inline std::vector<std::int64_t> conv_sizes(const ConvCall& call) {
  return {call.shape.batch, call.shape.outputs, call.shape.heads, call.shape.length};
}

template <class Backend>
Tensor long_conv_value(Tensor u, Tensor k, Tensor k_rev, Tensor skip, Tensor gate_in,
                       Tensor gate_out, Tensor state) {
  const ConvCall call = conv_call("long_conv", u, k, k_rev, skip, gate_in, gate_out, state);
  Tensor y = torch::stable::new_empty(u, conv_sizes(call));
  if (y.numel() > 0) Backend::forward(call, Backend::spectrum(call), y);
  return y;
}

// `like` is any u of the rows that the spectrum is for.
template <class Backend>
Tensor long_conv_spectrum_of(Tensor k, Tensor k_rev, Tensor like, bool state) {
  const char* function = "long_conv_spectrum";
  const Tensor none = torch::stable::new_empty(like, {0});
  ConvCall call = conv_call(function, like, k, k_rev, none, none, none, none);
  call.shape.state = state && call.shape.taps > 1;
  return Backend::spectrum(call);
}

template <class Backend>
Tensor long_conv_with_spectrum(Tensor u, Tensor k, Tensor k_rev, Tensor skip, Tensor gate_in,
                               Tensor gate_out, Tensor state, Tensor spectrum) {
  const char* function = "long_conv_with_spectrum";
  const ConvCall call = conv_call(function, u, k, k_rev, skip, gate_in, gate_out, state);
  Tensor y = torch::stable::new_empty(u, conv_sizes(call));
  const std::vector<std::int64_t> sizes = Backend::spectrum_sizes(call);
  check_same_device(spectrum, u, function, "spectrum", "u");
  const DType wide = call.types.rows == DType::float64 ? DType::float64 : DType::float32;
  check_argument(floating_dtype(spectrum, function, "spectrum") == wide &&
                     sizes_of(spectrum) == sizes && spectrum.is_contiguous(),
                 function, "spectrum", "of shape " + shape_string(spectrum),
                 "what long_conv_spectrum gives for rows of this length and dtype");
  if (y.numel() > 0) Backend::forward(call, spectrum, y);
  return y;
}

using ConvGradientTensors = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

template <class Backend>
ConvGradientTensors long_conv_gradient(Tensor grad, Tensor u, Tensor k, Tensor k_rev, Tensor skip,
                                       Tensor gate_in, Tensor gate_out, Tensor state) {
  const char* function = "long_conv_backward";
  const ConvCall call = conv_call(function, u, k, k_rev, skip, gate_in, gate_out, state);
  check_same_dtype(grad, u, function, "grad", "u");
  check_same_device(grad, u, function, "grad", "u");
  check_argument(sizes_of(grad) == conv_sizes(call), function, "grad",
                 "of shape " + shape_string(grad), "the shape of the result");
  ConvGradientTensors result(empty_contiguous(u), empty_contiguous(k), empty_contiguous(k_rev),
                             empty_contiguous(skip), empty_contiguous(gate_in),
                             empty_contiguous(gate_out), empty_contiguous(state));
  Backend::backward(call, as_contiguous(grad), result);
  return result;
}

template <class Backend>
void register_long_conv(torch::stable::detail::StableLibrary& m) {
  m.impl("long_conv", TORCH_BOX(&long_conv_value<Backend>));
  m.impl("long_conv_spectrum", TORCH_BOX(&long_conv_spectrum_of<Backend>));
  m.impl("long_conv_with_spectrum", TORCH_BOX(&long_conv_with_spectrum<Backend>));
  m.impl("long_conv_backward", TORCH_BOX(&long_conv_gradient<Backend>));
}

}  // namespace longtail::torch_layer
