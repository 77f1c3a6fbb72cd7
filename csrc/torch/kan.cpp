// Kolmogorov-Arnold operators on the CPU: parameters into doubles, tensors to pointers.
#include "torch/kan.h"

#include "rational/kan.h"
#include "rational/kan_hat.h"
#include "torch/elements.h"

namespace longtail::torch_layer {
namespace {

std::vector<double> doubles_of(const Tensor& tensor) {
  const Tensor source = torch::stable::contiguous(tensor);
  std::vector<double> result(source.numel());
  for_each_element(
      source.const_data_ptr(), floating_dtype(source, "kan", "parameter"), source.numel(),
      [&](const auto& element, std::int64_t k) { result[k] = static_cast<double>(element); });
  return result;
}

void write(const std::vector<double>& from, const Tensor& to) {
  if (to.numel() == 0) return;
  for_each_element(to.mutable_data_ptr(), floating_dtype(to, "kan", "parameter"), to.numel(),
                   [&](auto& element, std::int64_t k) {
                     element = static_cast<std::remove_reference_t<decltype(element)>>(from[k]);
                   });
}

// The gradient of parameters shared by all inputs is the sum over those; knots have none.
void write_parameters(const std::vector<double>& sums, std::int64_t inputs, const Tensor& to) {
  std::vector<double> total(to.numel(), 0.0);
  if (!sums.empty() && to.numel() > 0) {
    const std::int64_t functions = to.size(1);
    for (std::int64_t i = 0; i < inputs; ++i) {
      const std::int64_t row = to.size(0) == 1 ? 0 : i;
      for (std::int64_t k = 0; k < functions; ++k) {
        total[row * functions + k] += sums[i * functions + k];
      }
    }
  }
  write(total, to);
}

rational::Basis basis_of(const KanProblem& problem, const Tensor& first, const Tensor& second) {
  return {problem.shape, problem.rows.inputs, first.size(0), doubles_of(first), doubles_of(second)};
}

rational::HatEdges edges_of(const KanRows& rows, const Tensor& weight, const Tensor& scale,
                            const Tensor& shift) {
  return {rows.inputs, weight.size(0), doubles_of(weight), doubles_of(scale), doubles_of(shift)};
}

DType type_of(const Tensor& tensor) { return floating_dtype(tensor, "kan", "x"); }

struct CpuBackend {
  static void basis(const KanProblem& problem, const Tensor& x, const Tensor& first,
                    const Tensor& second, const Tensor& phi) {
    rational::kan_basis(basis_of(problem, first, second), problem.rows.rows, type_of(x),
                        x.const_data_ptr(), phi.mutable_data_ptr(), torch_parallel_for());
  }

  static void basis_backward(const KanProblem& problem, const Tensor& grad, const Tensor& x,
                             const Tensor& first, const Tensor& second, const Tensor& dx,
                             const Tensor& d_first, const Tensor& d_second) {
    rational::KanGradients sums;
    rational::kan_basis_backward(basis_of(problem, first, second), problem.rows.rows, type_of(x),
                                 grad.const_data_ptr(), x.const_data_ptr(), dx.mutable_data_ptr(),
                                 sums, torch_parallel_for());
    write_parameters(sums.first, problem.rows.inputs, d_first);
    write_parameters(sums.second, problem.rows.inputs, d_second);
  }

  static void linear(const KanProblem& problem, const Tensor& x, const Tensor& weight,
                     const Tensor& bias, const Tensor& first, const Tensor& second,
                     const Tensor& y) {
    rational::kan_linear(basis_of(problem, first, second), problem.rows.rows, problem.outputs,
                         type_of(x), x.const_data_ptr(), {weight.const_data_ptr(), type_of(weight)},
                         doubles_of(bias), y.mutable_data_ptr(), torch_parallel_for());
  }

  static void linear_backward(const KanProblem& problem, const Tensor& grad, const Tensor& x,
                              const Tensor& weight, const Tensor& first, const Tensor& second,
                              const Tensor& dx, const Tensor& d_weight, const Tensor& d_bias,
                              const Tensor& d_first, const Tensor& d_second) {
    rational::KanGradients sums;
    rational::kan_linear_backward(
        basis_of(problem, first, second), problem.rows.rows, problem.outputs, type_of(x),
        grad.const_data_ptr(), x.const_data_ptr(), {weight.const_data_ptr(), type_of(weight)},
        dx.mutable_data_ptr(), {d_weight.mutable_data_ptr(), type_of(d_weight)}, sums,
        torch_parallel_for());
    write(sums.bias, d_bias);
    write_parameters(sums.first, problem.rows.inputs, d_first);
    write_parameters(sums.second, problem.rows.inputs, d_second);
  }

  static void hat(const KanRows& rows, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& scale, const Tensor& shift, const Tensor& y) {
    rational::hat_linear(edges_of(rows, weight, scale, shift), doubles_of(bias), rows.rows,
                         type_of(x), x.const_data_ptr(), y.mutable_data_ptr(),
                         torch_parallel_for());
  }

  static void hat_backward(const KanRows& rows, const Tensor& grad, const Tensor& x,
                           const Tensor& weight, const Tensor& scale, const Tensor& shift,
                           const Tensor& dx, const Tensor& d_weight, const Tensor& d_bias,
                           const Tensor& d_scale, const Tensor& d_shift) {
    rational::HatGradients sums;
    rational::hat_linear_backward(edges_of(rows, weight, scale, shift), rows.rows, type_of(x),
                                  grad.const_data_ptr(), x.const_data_ptr(), dx.mutable_data_ptr(),
                                  sums, torch_parallel_for());
    write(sums.weight, d_weight);
    write(sums.bias, d_bias);
    write(sums.scale, d_scale);
    write(sums.shift, d_shift);
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_kan<CpuBackend>(m); }

}  // namespace longtail::torch_layer
