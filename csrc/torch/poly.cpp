// Polynomial compositions on the CPU: parameters into doubles, tensors to pointers.
#include "torch/poly.h"

#include "torch/elements.h"

namespace longtail::torch_layer {
namespace {

rational::Poly poly_of(const Tensor& weight, const Tensor& bias) {
  rational::Poly poly;
  const auto read = [](const Tensor& tensor, double* to) {
    const Tensor source = torch::stable::contiguous(tensor);
    for_each_element(
        source.const_data_ptr(), floating_dtype(source, "poly", "weight"), source.numel(),
        [&](const auto& element, std::int64_t k) { to[k] = static_cast<double>(element); });
  };
  read(weight, poly.weight.data());
  read(bias, &poly.bias);
  return poly;
}

void write_sums(const rational::PolySums& sums, const Tensor& d_weight, const Tensor& d_bias) {
  const auto write = [](const double* from, const Tensor& tensor) {
    for_each_element(tensor.mutable_data_ptr(), floating_dtype(tensor, "poly", "weight"),
                     tensor.numel(), [&](auto& element, std::int64_t k) {
                       element = static_cast<std::remove_reference_t<decltype(element)>>(from[k]);
                     });
  };
  write(sums.data(), d_weight);
  write(sums.data() + 3, d_bias);
}

struct CpuBackend {
  static void norm(const RowsOf& shape, const Tensor& x, const Tensor& weight, const Tensor& bias,
                   double eps, const Tensor& y) {
    rational::poly_norm(poly_of(weight, bias), eps, shape.rows, shape.columns,
                        floating_dtype(x, "poly_norm", "x"), x.const_data_ptr(),
                        y.mutable_data_ptr(), torch_parallel_for());
  }
  static void norm_backward(const RowsOf& shape, const Tensor& grad, const Tensor& x,
                            const Tensor& weight, const Tensor& bias, double eps, const Tensor& dx,
                            const Tensor& d_weight, const Tensor& d_bias) {
    write_sums(rational::poly_norm_backward(poly_of(weight, bias), eps, shape.rows, shape.columns,
                                            floating_dtype(x, "poly_norm", "x"),
                                            grad.const_data_ptr(), x.const_data_ptr(),
                                            dx.mutable_data_ptr(), torch_parallel_for()),
               d_weight, d_bias);
  }
  static void relu(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& y) {
    rational::poly_relu(poly_of(weight, bias), x.numel(), floating_dtype(x, "poly_relu", "x"),
                        x.const_data_ptr(), y.mutable_data_ptr(), torch_parallel_for());
  }
  static void relu_backward(const Tensor& grad, const Tensor& x, const Tensor& weight,
                            const Tensor& bias, const Tensor& dx, const Tensor& d_weight,
                            const Tensor& d_bias) {
    write_sums(rational::poly_relu_backward(poly_of(weight, bias), x.numel(),
                                            floating_dtype(x, "poly_relu", "x"),
                                            grad.const_data_ptr(), x.const_data_ptr(),
                                            dx.mutable_data_ptr(), torch_parallel_for()),
               d_weight, d_bias);
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_poly<CpuBackend>(m); }

}  // namespace longtail::torch_layer
