// The shape of the rational operators, shared by the CPU and the CUDA registration: check the
// tensors, see x as [outer, groups, run], allocate the results, hand over to Backend.
#pragma once

#include <numeric>
#include <string>
#include <tuple>

#include "core/check.h"
#include "rational/kernels.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

// What the operators work on, once it is known to fit together.
struct RationalProblem {
  rational::Shape shape;
  int version;
  std::int64_t numerator_rows, denominator_rows;  // groups of each; both divide shape.groups
  int m, n;                                       // orders
};

inline void check_coefficients(const Tensor& tensor, const Tensor& x, std::string_view name,
                               std::int64_t channels, std::int64_t lowest, std::int64_t highest,
                               const std::string& columns) {
  const DType dtype = floating_dtype(tensor, "rational", name);
  const bool dtype_fits = dtype == floating_dtype(x, "rational", "x") || dtype == DType::float32;
  check_argument(dtype_fits, "rational", name, "of dtype " + std::string(to_string(dtype)),
                 "the dtype of x, " + std::string(to_string(floating_dtype(x, "rational", "x"))) +
                     ", or float32");
  check_same_device(tensor, x, "rational", name, "x");
  const bool shape_fits = tensor.dim() == 2 && tensor.size(1) >= lowest &&
                          tensor.size(1) <= highest && tensor.size(0) >= 1 &&
                          channels % tensor.size(0) == 0;
  check_argument(shape_fits, "rational", name, "of shape " + shape_string(tensor),
                 "[groups, " + columns + "] with groups a divisor of the " +
                     std::to_string(channels) + " channels");
}

inline RationalProblem rational_problem(const Tensor& x, const Tensor& numerator,
                                        const Tensor& denominator, std::int64_t version,
                                        std::int64_t channel_dim) {
  floating_dtype(x, "rational", "x");
  check_argument(version == 0 || version == 1, "rational", "version", version, "0 (A) or 1 (B)");
  check_argument(x.dim() > 0, "rational", "x", "of no dimension", "at least one dimension");
  check_argument(channel_dim >= -x.dim() && channel_dim < x.dim(), "rational", "channel_dim",
                 channel_dim, "a dimension of x, of shape " + shape_string(x));
  const std::int64_t dim = channel_dim < 0 ? channel_dim + x.dim() : channel_dim;
  const std::int64_t channels = x.size(dim);
  check_coefficients(numerator, x, "numerator", channels, 1, rational::kMaxNumerator + 1,
                     "1 to 8 (a_0 ... a_m)");
  check_coefficients(denominator, x, "denominator", channels, 1, rational::kMaxDenominator,
                     "1 to 6 (b_1 ... b_n)");
  RationalProblem problem;
  problem.version = static_cast<int>(version);
  problem.numerator_rows = numerator.size(0);
  problem.denominator_rows = denominator.size(0);
  problem.m = static_cast<int>(numerator.size(1)) - 1;
  problem.n = static_cast<int>(denominator.size(1));
  problem.shape.groups = std::lcm(problem.numerator_rows, problem.denominator_rows);
  problem.shape.outer = 1;
  for (std::int64_t d = 0; d < dim; ++d) problem.shape.outer *= x.size(d);
  problem.shape.run = channels / problem.shape.groups;
  for (std::int64_t d = dim + 1; d < x.dim(); ++d) problem.shape.run *= x.size(d);
  return problem;
}

template <class Backend>
Tensor rational_value(Tensor x, Tensor numerator, Tensor denominator, std::int64_t version,
                      std::int64_t channel_dim) {
  const RationalProblem problem = rational_problem(x, numerator, denominator, version, channel_dim);
  Tensor out = empty_contiguous(x);
  Backend::forward(problem, torch::stable::contiguous(x), numerator, denominator, out);
  return out;
}

template <class Backend>
void rational_value_out(Tensor x, Tensor numerator, Tensor denominator, std::int64_t version,
                        std::int64_t channel_dim, Tensor out) {
  const RationalProblem problem = rational_problem(x, numerator, denominator, version, channel_dim);
  const Tensor source = torch::stable::contiguous(x);
  with_output("rational", source, out, [&](const Tensor& y) {
    Backend::forward(problem, source, numerator, denominator, y);
  });
}

template <class Backend>
std::tuple<Tensor, Tensor, Tensor> rational_gradient(Tensor grad, Tensor x, Tensor numerator,
                                                     Tensor denominator, std::int64_t version,
                                                     std::int64_t channel_dim) {
  const RationalProblem problem = rational_problem(x, numerator, denominator, version, channel_dim);
  check_same_dtype(grad, x, "rational_backward", "grad", "x");
  check_same_shape(grad, x, "rational_backward", "grad", "x");
  check_same_device(grad, x, "rational_backward", "grad", "x");
  std::tuple<Tensor, Tensor, Tensor> result(empty_contiguous(x), empty_contiguous(numerator),
                                            empty_contiguous(denominator));
  auto& [dx, d_numerator, d_denominator] = result;
  Backend::backward(problem, torch::stable::contiguous(grad), torch::stable::contiguous(x),
                    numerator, denominator, dx, d_numerator, d_denominator);
  return result;
}

template <class Backend>
void register_rational(torch::stable::detail::StableLibrary& m) {
  m.impl("rational", TORCH_BOX(&rational_value<Backend>));
  m.impl("rational.out", TORCH_BOX(&rational_value_out<Backend>));
  m.impl("rational_backward", TORCH_BOX(&rational_gradient<Backend>));
}

}  // namespace longtail::torch_layer
