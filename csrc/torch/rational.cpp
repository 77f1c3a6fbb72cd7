// Rational operators on the CPU: coefficients into one table of doubles, tensors to pointers.
#include "torch/rational.h"

#include "torch/elements.h"

namespace longtail::torch_layer {
namespace {

// Writes coefficients [rows, columns] into slots first ... of every group's row of the table.
void place(const Tensor& tensor, std::vector<double>& table, std::int64_t groups, int first) {
  const Tensor source = torch::stable::contiguous(tensor);
  const std::int64_t rows = source.size(0), columns = source.size(1), share = groups / rows;
  for_each_element(
      source.const_data_ptr(), floating_dtype(source, "rational", "coefficients"), rows * columns,
      [&](const auto& element, std::int64_t i) {
        for (std::int64_t g = i / columns * share; g < (i / columns + 1) * share; ++g) {
          table[g * rational::kSlots + first + i % columns] = static_cast<double>(element);
        }
      });
}

rational::Table table_of(const RationalProblem& problem, const Tensor& numerator,
                         const Tensor& denominator) {
  const std::int64_t groups = problem.shape.groups;
  rational::Table table{problem.version, problem.m, problem.n,
                        std::vector<double>(groups * rational::kSlots, 0.0)};
  place(numerator, table.rows, groups, 0);
  place(denominator, table.rows, groups, rational::kMaxNumerator + 1);
  return table;
}

// The gradient of coefficients shared by several groups is the sum over those.
void collect(const std::vector<double>& sums, std::int64_t groups, int first, const Tensor& out) {
  const std::int64_t rows = out.size(0), columns = out.size(1), share = groups / rows;
  for_each_element(out.mutable_data_ptr(), floating_dtype(out, "rational", "coefficients"),
                   rows * columns, [&](auto& element, std::int64_t i) {
                     double sum = 0;
                     for (std::int64_t g = i / columns * share; g < (i / columns + 1) * share;
                          ++g) {
                       sum += sums[g * rational::kSlots + first + i % columns];
                     }
                     element = static_cast<std::remove_reference_t<decltype(element)>>(sum);
                   });
}

struct CpuBackend {
  static void forward(const RationalProblem& problem, const Tensor& x, const Tensor& numerator,
                      const Tensor& denominator, const Tensor& y) {
    rational::forward(problem.shape, table_of(problem, numerator, denominator),
                      floating_dtype(x, "rational", "x"), x.const_data_ptr(), y.mutable_data_ptr(),
                      torch_parallel_for());
  }

  static void backward(const RationalProblem& problem, const Tensor& grad, const Tensor& x,
                       const Tensor& numerator, const Tensor& denominator, const Tensor& dx,
                       const Tensor& d_numerator, const Tensor& d_denominator) {
    std::vector<double> sums;
    rational::backward(problem.shape, table_of(problem, numerator, denominator),
                       floating_dtype(x, "rational", "x"), grad.const_data_ptr(),
                       x.const_data_ptr(), dx.mutable_data_ptr(), sums, torch_parallel_for());
    collect(sums, problem.shape.groups, 0, d_numerator);
    collect(sums, problem.shape.groups, rational::kMaxNumerator + 1, d_denominator);
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_rational<CpuBackend>(m); }

}  // namespace longtail::torch_layer
