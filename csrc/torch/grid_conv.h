// Convolutions of multigrid modules: tensors to pointers, shared by the CPU and the CUDA
// registration.
#pragma once

#include "multigrid/winograd.h"

#include "core/check.h"
#include "multigrid/grid_transfer.h"
#include "multigrid/winograd_level.h"
#include "torch/long_conv.h"

namespace longtail::torch_layer {

inline void check_rows(const Tensor& x, const char* function, const char* name) {
  check_argument(floating_dtype(x, function, name) == DType::float32, function, name,
                 "not of float32", "a tensor of float32");
  check_argument(x.dim() == 4 && x.size(3) >= 1 && x.size(3) <= multigrid::kMostChannels, function,
                 name, "of shape " + shape_string(x), "[N, H, W, channels], 1 to 256 channels");
}

inline const float* floats_or_null(const Tensor& tensor) {
  return given(tensor) ? static_cast<const float*>(tensor.const_data_ptr()) : nullptr;
}

template <class Backend>
Tensor grid_conv(Tensor x, Tensor weight, Tensor add, Tensor bias, bool adjoint) {
  const char* function = "grid_conv";
  check_rows(x, function, "x");
  check_same_dtype(weight, x, function, "weight", "x");
  const std::int64_t in = x.size(3);
  const bool planes = weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3;
  const std::int64_t out = planes ? weight.size(adjoint ? 1 : 0) : 0;
  const std::string wanted = std::to_string(in);
  check_argument(
      planes && weight.size(adjoint ? 0 : 1) == in && out >= 1 && out <= multigrid::kMostChannels,
      function, "weight", "of shape " + shape_string(weight),
      (adjoint ? "[" + wanted + ", out" : "[out, " + wanted) + ", 3, 3], 1 to 256 channels");
  check_conv_part(function, "add", add, {x.size(0), x.size(1), x.size(2), out}, x, "x");
  check_conv_part(function, "bias", bias, {out}, x, "x");
  Tensor y = torch::stable::new_empty(x, {x.size(0), x.size(1), x.size(2), out});
  if (y.numel() == 0) return y;
  const Tensor from = as_contiguous(x), w = as_contiguous(weight), to_add = as_contiguous(add),
               b = as_contiguous(bias);
  Backend::conv(x, {x.size(0), x.size(1), x.size(2), in, out}, adjoint, floats_or_null(from),
                floats_or_null(w), floats_or_null(to_add), floats_or_null(b),
                static_cast<float*>(y.mutable_data_ptr()));
  return y;
}

template <class Backend>
Tensor grid_conv_weight(Tensor grad, Tensor x) {
  const char* function = "grid_conv_weight";
  check_rows(x, function, "x");
  check_rows(grad, function, "grad");
  check_argument(
      grad.size(0) == x.size(0) && grad.size(1) == x.size(1) && grad.size(2) == x.size(2), function,
      "grad", "of shape " + shape_string(grad), "the points of x, " + shape_string(x));
  const std::int64_t in = x.size(3), out = grad.size(3);
  Tensor dw = torch::stable::new_empty(x, {out, in, 3, 3});
  if (x.numel() == 0) {
    torch::stable::zero_(dw);
    return dw;
  }
  const Tensor from = as_contiguous(x), g = as_contiguous(grad);
  Backend::conv_weight(x, {x.size(0), x.size(1), x.size(2), in, out}, floats_or_null(g),
                       floats_or_null(from), static_cast<float*>(dw.mutable_data_ptr()));
  return dw;
}

/// Checks w [coarse, fine, k, k] for one of the two channel counts.
inline void check_transfer(const Tensor& weight, const Tensor& x, std::int64_t axis,
                           const char* function) {
  check_same_dtype(weight, x, function, "weight", "x");
  const bool planes = weight.dim() == 4 && weight.size(2) == weight.size(3) &&
                      (weight.size(2) == 3 || weight.size(2) == 4);
  check_argument(planes && weight.size(axis) == x.size(3) && weight.size(1 - axis) >= 1 &&
                     weight.size(1 - axis) <= multigrid::kMostChannels,
                 function, "weight", "of shape " + shape_string(weight),
                 "[coarse, fine, k, k], k 3 or 4, with the channels of x, " + shape_string(x));
}

template <class Backend>
Tensor grid_up(Tensor x, Tensor weight, Tensor add, Tensor bias, std::int64_t height,
               std::int64_t width) {
  const char* function = "grid_up";
  check_rows(x, function, "x");
  check_transfer(weight, x, 0, function);
  const std::int64_t fine = weight.size(1);
  check_argument(
      (height + 1) / 2 == x.size(1) && (width + 1) / 2 == x.size(2), function, "x",
      "of shape " + shape_string(x),
      "half as many points as " + std::to_string(height) + " x " + std::to_string(width));
  check_conv_part(function, "add", add, {x.size(0), height, width, fine}, x, "x");
  check_conv_part(function, "bias", bias, {fine}, x, "x");
  Tensor y = torch::stable::new_empty(x, {x.size(0), height, width, fine});
  if (y.numel() == 0) return y;
  const Tensor from = as_contiguous(x), w = as_contiguous(weight), to_add = as_contiguous(add),
               b = as_contiguous(bias);
  const int taps = static_cast<int>(weight.size(2));
  Backend::up(x, {x.size(0), height, width, x.size(3), fine, taps}, floats_or_null(from),
              floats_or_null(w), floats_or_null(to_add), floats_or_null(b),
              static_cast<float*>(y.mutable_data_ptr()));
  return y;
}

template <class Backend>
Tensor grid_down(Tensor x, Tensor weight) {
  const char* function = "grid_down";
  check_rows(x, function, "x");
  check_transfer(weight, x, 1, function);
  const std::int64_t height = x.size(1), width = x.size(2), coarse = weight.size(0);
  Tensor y = torch::stable::new_empty(x, {x.size(0), (height + 1) / 2, (width + 1) / 2, coarse});
  if (y.numel() == 0) return y;
  const Tensor from = as_contiguous(x), w = as_contiguous(weight);
  const int taps = static_cast<int>(weight.size(2));
  Backend::down(x, {x.size(0), height, width, coarse, x.size(3), taps}, floats_or_null(from),
                floats_or_null(w), static_cast<float*>(y.mutable_data_ptr()));
  return y;
}

template <class Backend>
Tensor grid_transfer_weight(Tensor coarse, Tensor fine, std::int64_t taps) {
  const char* function = "grid_transfer_weight";
  check_rows(coarse, function, "coarse");
  check_rows(fine, function, "fine");
  const std::int64_t height = fine.size(1), width = fine.size(2);
  check_argument(coarse.size(0) == fine.size(0) && coarse.size(1) == (height + 1) / 2 &&
                     coarse.size(2) == (width + 1) / 2,
                 function, "coarse", "of shape " + shape_string(coarse),
                 "half as many points as fine, " + shape_string(fine));
  check_argument(taps == 3 || taps == 4, function, "taps", std::to_string(taps), "3 or 4");
  Tensor dw = torch::stable::new_empty(fine, {coarse.size(3), fine.size(3), taps, taps});
  if (fine.numel() == 0) {
    torch::stable::zero_(dw);
    return dw;
  }
  const Tensor c = as_contiguous(coarse), f = as_contiguous(fine);
  Backend::transfer_weight(
      fine, {fine.size(0), height, width, coarse.size(3), fine.size(3), static_cast<int>(taps)},
      floats_or_null(c), floats_or_null(f), static_cast<float*>(dw.mutable_data_ptr()));
  return dw;
}

template <class Backend>
void register_grid_conv(torch::stable::detail::StableLibrary& m) {
  m.impl("grid_conv", TORCH_BOX(&grid_conv<Backend>));
  m.impl("grid_conv_weight", TORCH_BOX(&grid_conv_weight<Backend>));
  m.impl("grid_up", TORCH_BOX(&grid_up<Backend>));
  m.impl("grid_down", TORCH_BOX(&grid_down<Backend>));
  m.impl("grid_transfer_weight", TORCH_BOX(&grid_transfer_weight<Backend>));
}

}  // namespace longtail::torch_layer
