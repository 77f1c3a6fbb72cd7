// The shape of the Kolmogorov-Arnold operators, shared by the CPU and the CUDA registration.
#pragma once

#include <initializer_list>
#include <string>
#include <tuple>
#include <vector>

#include "core/check.h"
#include "rational/kan_math.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

// Rows and inputs of x [..., inputs].
struct KanRows {
  std::int64_t rows, inputs;
};
inline KanRows kan_rows(const char* function, const Tensor& x) {
  check_argument(x.dim() > 0, function, "x", "of no dimension", "at least one dimension");
  const std::int64_t inputs = x.size(x.dim() - 1);
  check_argument(inputs > 0, function, "x", "of shape " + shape_string(x),
                 "at least one input in the last dimension");
  return {x.numel() / inputs, inputs};
}

inline void check_kan_parameter(const char* function, const char* name, const Tensor& tensor,
                                const Tensor& x) {
  const DType dtype = floating_dtype(x, function, "x");
  const DType own = floating_dtype(tensor, function, name);
  check_argument(own == dtype || own == DType::float32, function, name,
                 "of dtype " + std::string(to_string(own)),
                 "the dtype of x, " + std::string(to_string(dtype)) + ", or float32");
  check_same_device(tensor, x, function, name, "x");
}

inline void check_kan_shape(const char* function, const char* name, const Tensor& tensor,
                            std::initializer_list<std::int64_t> expected) {
  bool same = tensor.dim() == static_cast<std::int64_t>(expected.size());
  std::string wanted = "[";
  std::int64_t d = 0;
  for (const std::int64_t size : expected) {
    same = same && tensor.size(d) == size;
    wanted += (d++ ? ", " : "") + std::to_string(size);
  }
  check_argument(same, function, name, "of shape " + shape_string(tensor), wanted + "]");
}

// The numbers that name a basis, and its parameters [1 or inputs, ...]; both empty for polynomials
// and Fourier series.
struct KanChoice {
  std::int64_t kind, degree, variant;
  bool base;
};

inline rational::BasisShape kan_shape(const char* function, const Tensor& x, const Tensor& first,
                                      const Tensor& second, const KanChoice& choice) {
  using rational::BasisKind;
  check_kan_parameter(function, "first", first, x);
  check_kan_parameter(function, "second", second, x);
  check_argument(choice.kind >= 0 && choice.kind < rational::kBasisKinds, function, "kind",
                 std::to_string(choice.kind), "0 to 7");
  const int variants = 1 + rational::kActivations * rational::kCombinations;
  check_argument(choice.variant >= 0 && choice.variant < variants, function, "variant",
                 std::to_string(choice.variant), "0 to " + std::to_string(variants - 1));
  const std::int64_t inputs = x.size(x.dim() - 1);
  check_argument(first.dim() == 2 && (first.size(0) == 1 || first.size(0) == inputs), function,
                 "first", "of shape " + shape_string(first),
                 "[1 or " + std::to_string(inputs) + ", parameters]");
  const auto kind = static_cast<BasisKind>(choice.kind);
  const bool wide = rational::has_parameters(kind);
  check_kan_shape(function, "second", second, {first.size(0), wide ? first.size(1) : 0});
  const std::int64_t limit = rational::kMaxFunctions;
  check_argument(choice.degree >= 0 && choice.degree < limit, function, "degree",
                 std::to_string(choice.degree), "0 to " + std::to_string(limit - 1));
  std::int64_t functions = first.size(1);
  if (kind == BasisKind::bspline) functions -= choice.degree + 1;
  if (kind == BasisKind::fourier) functions = 2 * choice.degree;
  if (kind == BasisKind::chebyshev || kind == BasisKind::legendre || kind == BasisKind::hermite) {
    functions = choice.degree + 1;
  }
  const std::int64_t used = functions + (kind == BasisKind::bspline ? choice.degree : 0) + 1;
  check_argument(functions > 0 && used <= limit, function, "first",
                 "of shape " + shape_string(first) + " for degree " + std::to_string(choice.degree),
                 "1 to " + std::to_string(limit - 1) + " functions, a spline's degree included");
  return {kind, static_cast<int>(functions), static_cast<int>(choice.degree),
          static_cast<int>(choice.variant), choice.base};
}

// What a layer without edges' own functions is called with.
struct KanProblem {
  KanRows rows;
  rational::BasisShape shape;
  std::int64_t outputs;
};

template <class Backend>
Tensor kan_basis_value(Tensor x, Tensor first, Tensor second, std::int64_t kind,
                       std::int64_t degree, std::int64_t variant) {
  const KanRows rows = kan_rows("kan_basis", x);
  const auto shape = kan_shape("kan_basis", x, first, second, {kind, degree, variant, false});
  std::vector<std::int64_t> sizes = sizes_of(x);
  sizes.push_back(shape.functions);
  Tensor phi = torch::stable::new_empty(x, sizes);
  if (rows.rows > 0) {
    Backend::basis({rows, shape, 0}, torch::stable::contiguous(x), first, second, phi);
  }
  return phi;
}

template <class Backend>
std::tuple<Tensor, Tensor, Tensor> kan_basis_gradient(Tensor grad, Tensor x, Tensor first,
                                                      Tensor second, std::int64_t kind,
                                                      std::int64_t degree, std::int64_t variant) {
  const char* function = "kan_basis_backward";
  const KanRows rows = kan_rows(function, x);
  const auto shape = kan_shape(function, x, first, second, {kind, degree, variant, false});
  check_same_dtype(grad, x, function, "grad", "x");
  check_same_device(grad, x, function, "grad", "x");
  std::vector<std::int64_t> sizes = sizes_of(x);
  sizes.push_back(shape.functions);
  check_argument(sizes_of(grad) == sizes, function, "grad", "of shape " + shape_string(grad),
                 "the shape of the basis");
  std::tuple<Tensor, Tensor, Tensor> result(empty_contiguous(x), empty_contiguous(first),
                                            empty_contiguous(second));
  auto& [dx, d_first, d_second] = result;
  Backend::basis_backward({rows, shape, 0}, torch::stable::contiguous(grad),
                          torch::stable::contiguous(x), first, second, dx, d_first, d_second);
  return result;
}

// Outputs of a layer, after checking weight [outputs, inputs, total] and bias [outputs or 0].
inline std::int64_t check_layer(const char* function, const Tensor& x, const Tensor& weight,
                                const Tensor& bias, std::int64_t total) {
  check_kan_parameter(function, "weight", weight, x);
  check_kan_parameter(function, "bias", bias, x);
  const std::int64_t outputs = weight.dim() > 0 ? weight.size(0) : 0;
  check_kan_shape(function, "weight", weight, {outputs, x.size(x.dim() - 1), total});
  if (bias.numel() > 0) check_kan_shape(function, "bias", bias, {outputs});
  return outputs;
}

inline Tensor empty_layer(const Tensor& x, std::int64_t outputs) {
  std::vector<std::int64_t> sizes = sizes_of(x);
  sizes.back() = outputs;
  return torch::stable::new_empty(x, sizes);
}
inline void check_layer_grad(const char* function, const Tensor& grad, const Tensor& x,
                             std::int64_t outputs) {
  check_same_dtype(grad, x, function, "grad", "x");
  check_same_device(grad, x, function, "grad", "x");
  std::vector<std::int64_t> sizes = sizes_of(x);
  sizes.back() = outputs;
  check_argument(sizes_of(grad) == sizes, function, "grad", "of shape " + shape_string(grad),
                 "the shape of the result");
}

using FiveTensors = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;

template <class Backend>
Tensor kan_linear_value(Tensor x, Tensor weight, Tensor bias, Tensor first, Tensor second,
                        std::int64_t kind, std::int64_t degree, std::int64_t variant, bool base) {
  const KanRows rows = kan_rows("kan_linear", x);
  const auto shape = kan_shape("kan_linear", x, first, second, {kind, degree, variant, base});
  const std::int64_t outputs = check_layer("kan_linear", x, weight, bias, shape.total());
  Tensor y = empty_layer(x, outputs);
  if (y.numel() > 0) {
    Backend::linear({rows, shape, outputs}, torch::stable::contiguous(x),
                    torch::stable::contiguous(weight), bias, first, second, y);
  }
  return y;
}

template <class Backend>
FiveTensors kan_linear_gradient(Tensor grad, Tensor x, Tensor weight, Tensor bias, Tensor first,
                                Tensor second, std::int64_t kind, std::int64_t degree,
                                std::int64_t variant, bool base) {
  const char* function = "kan_linear_backward";
  const KanRows rows = kan_rows(function, x);
  const auto shape = kan_shape(function, x, first, second, {kind, degree, variant, base});
  const std::int64_t outputs = check_layer(function, x, weight, bias, shape.total());
  check_layer_grad(function, grad, x, outputs);
  FiveTensors result(empty_contiguous(x), empty_contiguous(weight), empty_contiguous(bias),
                     empty_contiguous(first), empty_contiguous(second));
  auto& [dx, d_weight, d_bias, d_first, d_second] = result;
  Backend::linear_backward({rows, shape, outputs}, torch::stable::contiguous(grad),
                           torch::stable::contiguous(x), torch::stable::contiguous(weight), first,
                           second, dx, d_weight, d_bias, d_first, d_second);
  return result;
}

// weight, scale and shift [outputs, inputs]; returns the outputs.
inline std::int64_t check_hat(const char* function, const Tensor& x, const Tensor& weight,
                              const Tensor& bias, const Tensor& scale, const Tensor& shift) {
  check_kan_parameter(function, "weight", weight, x);
  check_kan_parameter(function, "bias", bias, x);
  const std::int64_t outputs = weight.dim() > 0 ? weight.size(0) : 0;
  const std::int64_t inputs = x.size(x.dim() - 1);
  check_kan_shape(function, "weight", weight, {outputs, inputs});
  check_kan_parameter(function, "scale", scale, x);
  check_kan_parameter(function, "shift", shift, x);
  check_kan_shape(function, "scale", scale, {outputs, inputs});
  check_kan_shape(function, "shift", shift, {outputs, inputs});
  if (bias.numel() > 0) check_kan_shape(function, "bias", bias, {outputs});
  return outputs;
}

template <class Backend>
Tensor mexican_hat_value(Tensor x, Tensor weight, Tensor bias, Tensor scale, Tensor shift) {
  const KanRows rows = kan_rows("kan_linear", x);
  const std::int64_t outputs = check_hat("kan_linear", x, weight, bias, scale, shift);
  Tensor y = empty_layer(x, outputs);
  if (y.numel() > 0) {
    Backend::hat(rows, torch::stable::contiguous(x), weight, bias, scale, shift, y);
  }
  return y;
}

template <class Backend>
FiveTensors mexican_hat_gradient(Tensor grad, Tensor x, Tensor weight, Tensor bias, Tensor scale,
                                 Tensor shift) {
  const char* function = "kan_linear_backward";
  const KanRows rows = kan_rows(function, x);
  const std::int64_t outputs = check_hat(function, x, weight, bias, scale, shift);
  check_layer_grad(function, grad, x, outputs);
  FiveTensors result(empty_contiguous(x), empty_contiguous(weight), empty_contiguous(bias),
                     empty_contiguous(scale), empty_contiguous(shift));
  auto& [dx, d_weight, d_bias, d_scale, d_shift] = result;
  Backend::hat_backward(rows, torch::stable::contiguous(grad), torch::stable::contiguous(x), weight,
                        scale, shift, dx, d_weight, d_bias, d_scale, d_shift);
  return result;
}

template <class Backend>
void register_kan(torch::stable::detail::StableLibrary& m) {
  m.impl("kan_basis", TORCH_BOX(&kan_basis_value<Backend>));
  m.impl("kan_basis_backward", TORCH_BOX(&kan_basis_gradient<Backend>));
  m.impl("kan_linear", TORCH_BOX(&kan_linear_value<Backend>));
  m.impl("kan_linear_backward", TORCH_BOX(&kan_linear_gradient<Backend>));
  m.impl("mexican_hat_linear", TORCH_BOX(&mexican_hat_value<Backend>));
  m.impl("mexican_hat_linear_backward", TORCH_BOX(&mexican_hat_gradient<Backend>));
}

}  // namespace longtail::torch_layer
