// The shape of the short convolution operators, shared by the CPU and the CUDA registration.
#pragma once

#include <optional>
#include <tuple>

#include "longconv/short_conv.h"
#include "torch/long_conv.h"

namespace longtail::torch_layer {

// What a call gives to its backend; tensors are contiguous.
struct ShortConvCall {
  longconv::ShortConvShape shape;
  longconv::ShortConvTypes types;
  Tensor u, w;
  std::optional<Tensor> bias, state;

  longconv::ShortConvInputs inputs() const {
    return {u.const_data_ptr(), w.const_data_ptr(), bias ? bias->const_data_ptr() : nullptr,
            state ? state->const_data_ptr() : nullptr};
  }
};

/// The types of u [..., heads, length] or [..., heads], and of taps that fit.
inline longconv::ShortConvTypes short_conv_types(const char* function, const Tensor& u,
                                                 const Tensor& w, std::int64_t heads) {
  const DType rows = floating_dtype(u, function, "u"), taps = floating_dtype(w, function, "w");
  if (taps != rows && taps != DType::float32) {
    fail_argument(function, "w", "of dtype " + std::string(to_string(taps)),
                  "the dtype of u, " + std::string(to_string(rows)) + ", or float32");
  }
  check_same_device(w, u, function, "w", "u");
  if (w.dim() != 2 || w.size(0) != heads || w.size(1) < 1 || w.size(1) > longconv::kMostShortTaps) {
    fail_argument(function, "w", "of shape " + shape_string(w),
                  "[" + std::to_string(heads) + ", taps], 1 to 128 taps");
  }
  return {rows, taps};
}

inline ShortConvCall short_conv_call(const char* function, const Tensor& u, const Tensor& w,
                                     const Tensor& bias, const Tensor& state, bool silu) {
  if (u.dim() != 3) {
    fail_argument(function, "u", "of shape " + shape_string(u), "[batch, heads, length]");
  }
  const std::int64_t batch = u.size(0), heads = u.size(1), length = u.size(2);
  const longconv::ShortConvTypes types = short_conv_types(function, u, w, heads);
  const std::int64_t width = w.size(1);
  check_conv_part(function, "bias", bias, {heads, 1}, w, "w");
  check_conv_part(function, "state", state, {batch, heads, width - 1}, u, "u");
  const auto if_given = [](const Tensor& part) {
    return given(part) ? std::optional(as_contiguous(part)) : std::nullopt;
  };
  return {{batch, heads, length, width, silu},
          types,
          as_contiguous(u),
          as_contiguous(w),
          if_given(bias),
          if_given(state)};
}

template <class Backend>
Tensor short_conv_value(Tensor u, Tensor w, Tensor bias, Tensor state, bool silu) {
  const ShortConvCall call = short_conv_call("short_conv", u, w, bias, state, silu);
  Tensor y = empty_contiguous(u);
  if (y.numel() > 0) Backend::forward(call, y);
  return y;
}

// A step costs little more than its call, so this one takes what the caller has: u [..., heads],
// bias [heads], state [..., heads, taps - 1]. The result is y and the state of the next step.
template <class Backend>
std::tuple<Tensor, Tensor> short_conv_one_step(Tensor u, Tensor w, std::optional<Tensor> bias,
                                               Tensor state, bool silu) {
  const char* function = "short_conv_step";
  if (u.dim() == 0) fail_argument(function, "u", "of shape []", "[..., heads]");
  const std::int64_t heads = u.size(u.dim() - 1);
  const longconv::ShortConvTypes types = short_conv_types(function, u, w, heads);
  if (bias) check_part(function, "bias", *bias, {heads}, w, "w");
  std::vector<std::int64_t> of_state = sizes_of(u);
  of_state.push_back(w.size(1) - 1);
  check_part(function, "state", state, of_state, u, "u");
  std::tuple<Tensor, Tensor> result(empty_contiguous(u), empty_contiguous(state));
  if (u.numel() == 0) return result;
  if (bias) bias = as_contiguous(*bias);
  const ShortConvCall call = {{u.numel() / heads, heads, 1, w.size(1), silu},
                              types,
                              as_contiguous(u),
                              as_contiguous(w),
                              bias,
                              as_contiguous(state)};
  Backend::step(call, std::get<0>(result), std::get<1>(result));
  return result;
}

using ShortConvGradientTensors = std::tuple<Tensor, Tensor, Tensor, Tensor>;

template <class Backend>
ShortConvGradientTensors short_conv_gradient(Tensor grad, Tensor u, Tensor w, Tensor bias,
                                             Tensor state, bool silu) {
  const char* function = "short_conv_backward";
  const ShortConvCall call = short_conv_call(function, u, w, bias, state, silu);
  check_same_dtype(grad, u, function, "grad", "u");
  check_same_device(grad, u, function, "grad", "u");
  check_same_shape(grad, u, function, "grad", "u");
  ShortConvGradientTensors result(empty_contiguous(u), empty_contiguous(w), empty_contiguous(bias),
                                  empty_contiguous(state));
  if (u.numel() > 0) {
    Backend::backward(call, torch::stable::contiguous(grad), result);
  } else {  // sums of nothing
    torch::stable::zero_(std::get<1>(result));
    torch::stable::zero_(std::get<2>(result));
    torch::stable::zero_(std::get<3>(result));
  }
  return result;
}

template <class Backend>
void register_short_conv(torch::stable::detail::StableLibrary& m) {
  m.impl("short_conv", TORCH_BOX(&short_conv_value<Backend>));
  m.impl("short_conv_step", TORCH_BOX(&short_conv_one_step<Backend>));
  m.impl("short_conv_backward", TORCH_BOX(&short_conv_gradient<Backend>));
}

}  // namespace longtail::torch_layer
