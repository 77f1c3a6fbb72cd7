// The shape of the polynomial-composition operators, shared by the CPU and the CUDA registration.
#pragma once

#include <string>
#include <tuple>

#include "core/check.h"
#include "rational/poly.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

inline void check_poly(const char* function, const Tensor& x, const Tensor& weight,
                       const Tensor& bias) {
  const DType dtype = floating_dtype(x, function, "x");
  for (const auto& [tensor, name, size] :
       {std::tuple{&weight, "weight", 3}, std::tuple{&bias, "bias", 1}}) {
    const DType own = floating_dtype(*tensor, function, name);
    check_argument(own == dtype || own == DType::float32, function, name,
                   "of dtype " + std::string(to_string(own)),
                   "the dtype of x, " + std::string(to_string(dtype)) + ", or float32");
    check_argument(
        tensor->numel() == size, function, name, "of shape " + shape_string(*tensor),
        size == 3 ? "3 elements: of the cube, the square, the linear term" : "1 element");
    check_same_device(*tensor, x, function, name, "x");
  }
}

// Rows and columns of x for poly_norm; at least one dimension.
struct RowsOf {
  std::int64_t rows, columns;
};
inline RowsOf rows_of(const char* function, const Tensor& x) {
  check_argument(x.dim() > 0, function, "x", "of no dimension", "at least one dimension");
  const std::int64_t columns = x.size(x.dim() - 1);
  return {columns == 0 ? 0 : x.numel() / columns, columns};
}

inline void check_grad(const char* function, const Tensor& grad, const Tensor& x) {
  check_same_dtype(grad, x, function, "grad", "x");
  check_same_shape(grad, x, function, "grad", "x");
  check_same_device(grad, x, function, "grad", "x");
}

template <class Backend>
Tensor poly_norm_value(Tensor x, Tensor weight, Tensor bias, double eps) {
  check_poly("poly_norm", x, weight, bias);
  const RowsOf shape = rows_of("poly_norm", x);
  Tensor out = empty_contiguous(x);
  if (shape.rows > 0) {
    Backend::norm(shape, torch::stable::contiguous(x), weight, bias, eps, out);
  }
  return out;
}

template <class Backend>
void poly_norm_value_out(Tensor x, Tensor weight, Tensor bias, double eps, Tensor out) {
  check_poly("poly_norm", x, weight, bias);
  const RowsOf shape = rows_of("poly_norm", x);
  const Tensor source = torch::stable::contiguous(x);
  with_output("poly_norm", source, out, [&](const Tensor& y) {
    if (shape.rows > 0) Backend::norm(shape, source, weight, bias, eps, y);
  });
}

template <class Backend>
std::tuple<Tensor, Tensor, Tensor> poly_norm_gradient(Tensor grad, Tensor x, Tensor weight,
                                                      Tensor bias, double eps) {
  check_poly("poly_norm_backward", x, weight, bias);
  check_grad("poly_norm_backward", grad, x);
  std::tuple<Tensor, Tensor, Tensor> result(empty_contiguous(x), empty_contiguous(weight),
                                            empty_contiguous(bias));
  auto& [dx, d_weight, d_bias] = result;
  Backend::norm_backward(rows_of("poly_norm_backward", x), torch::stable::contiguous(grad),
                         torch::stable::contiguous(x), weight, bias, eps, dx, d_weight, d_bias);
  return result;
}

template <class Backend>
Tensor poly_relu_value(Tensor x, Tensor weight, Tensor bias) {
  check_poly("poly_relu", x, weight, bias);
  Tensor out = empty_contiguous(x);
  Backend::relu(torch::stable::contiguous(x), weight, bias, out);
  return out;
}

template <class Backend>
void poly_relu_value_out(Tensor x, Tensor weight, Tensor bias, Tensor out) {
  check_poly("poly_relu", x, weight, bias);
  const Tensor source = torch::stable::contiguous(x);
  with_output("poly_relu", source, out,
              [&](const Tensor& y) { Backend::relu(source, weight, bias, y); });
}

template <class Backend>
std::tuple<Tensor, Tensor, Tensor> poly_relu_gradient(Tensor grad, Tensor x, Tensor weight,
                                                      Tensor bias) {
  check_poly("poly_relu_backward", x, weight, bias);
  check_grad("poly_relu_backward", grad, x);
  std::tuple<Tensor, Tensor, Tensor> result(empty_contiguous(x), empty_contiguous(weight),
                                            empty_contiguous(bias));
  auto& [dx, d_weight, d_bias] = result;
  Backend::relu_backward(torch::stable::contiguous(grad), torch::stable::contiguous(x), weight,
                         bias, dx, d_weight, d_bias);
  return result;
}

template <class Backend>
void register_poly(torch::stable::detail::StableLibrary& m) {
  m.impl("poly_norm", TORCH_BOX(&poly_norm_value<Backend>));
  m.impl("poly_norm.out", TORCH_BOX(&poly_norm_value_out<Backend>));
  m.impl("poly_norm_backward", TORCH_BOX(&poly_norm_gradient<Backend>));
  m.impl("poly_relu", TORCH_BOX(&poly_relu_value<Backend>));
  m.impl("poly_relu.out", TORCH_BOX(&poly_relu_value_out<Backend>));
  m.impl("poly_relu_backward", TORCH_BOX(&poly_relu_gradient<Backend>));
}

}  // namespace longtail::torch_layer
