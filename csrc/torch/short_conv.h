// The shape of the short convolution operators, shared by the CPU and the CUDA registration.
#pragma once

#include <tuple>

#include "longconv/short_conv.h"
#include "torch/long_conv.h"

namespace longtail::torch_layer {

// What a call gives to its backend; tensors are contiguous, of shape [0] where there is none.
struct ShortConvCall {
  longconv::ShortConvShape shape;
  longconv::ShortConvTypes types;
  Tensor u, w, bias, state;
};

inline ShortConvCall short_conv_call(const char* function, const Tensor& u, const Tensor& w,
                                     const Tensor& bias, const Tensor& state, bool silu) {
  const DType rows = floating_dtype(u, function, "u"), taps = floating_dtype(w, function, "w");
  check_argument(taps == rows || taps == DType::float32, function, "w",
                 "of dtype " + std::string(to_string(taps)),
                 "the dtype of u, " + std::string(to_string(rows)) + ", or float32");
  check_same_device(w, u, function, "w", "u");
  check_argument(u.dim() == 3, function, "u", "of shape " + shape_string(u),
                 "[batch, heads, length]");
  const std::int64_t batch = u.size(0), heads = u.size(1), length = u.size(2);
  check_argument(
      w.dim() == 2 && w.size(0) == heads && w.size(1) >= 1 && w.size(1) <= longconv::kMostShortTaps,
      function, "w", "of shape " + shape_string(w),
      "[" + std::to_string(heads) + ", taps], 1 to 128 taps");
  const std::int64_t width = w.size(1);
  check_conv_part(function, "bias", bias, {heads, 1}, w, "w");
  check_conv_part(function, "state", state, {batch, heads, width - 1}, u, "u");
  using torch::stable::contiguous;
  return {{batch, heads, length, width, silu},
          {rows, taps},
          contiguous(u),
          contiguous(w),
          contiguous(bias),
          contiguous(state)};
}

template <class Backend>
Tensor short_conv_value(Tensor u, Tensor w, Tensor bias, Tensor state, bool silu) {
  const ShortConvCall call = short_conv_call("short_conv", u, w, bias, state, silu);
  Tensor y = empty_contiguous(u);
  if (y.numel() > 0) Backend::forward(call, y);
  return y;
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
  m.impl("short_conv_backward", TORCH_BOX(&short_conv_gradient<Backend>));
}

}  // namespace longtail::torch_layer
