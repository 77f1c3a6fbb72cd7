// Kolmogorov-Arnold layers on plain memory: rows of x [rows, inputs] and the functions phi_k of
// kan_math.h of every element.
//
//   kan_basis   phi [rows, inputs, K]
//   kan_linear  y[n, o] = bias_o + sum over i, k of weight[o, i, k] phi_k(x[n, i])
//
// kan_linear and its gradient hold the functions of a tile of rows and inputs at a time, never of
// all of x. Sums run in a fixed order over fixed blocks: the same bits for any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "core/elementwise.h"
#include "core/parallel.h"
#include "rational/kan_math.h"

namespace longtail::rational {

/// The functions and, in float64, what kan_math.h's table is made of.
struct Basis {
  BasisShape shape;
  std::int64_t inputs;
  std::int64_t rows_of_table;  // 1: the same functions for all inputs; else inputs
  // bspline: knots; gaussian_rbf, rswaf: centres; relu_window: starts. [rows_of_table, ...]
  std::vector<double> first;
  std::vector<double> second;  // nothing, widths, ends
};

/// A matrix of parameters in the caller's memory.
struct Parameter {
  const void* data;
  DType dtype;
};

/// The same to be written.
struct ParameterTarget {
  void* data;
  DType dtype;
};

/// Sums of gradients in float64.
struct KanGradients {
  std::vector<double> bias;           // [outputs]
  std::vector<double> first, second;  // [inputs, K], where the functions have parameters
};

void kan_basis(const Basis& basis, std::int64_t rows, DType dtype, const void* x, void* phi,
               const ParallelFor& parallel_for = {});
void kan_basis_backward(const Basis& basis, std::int64_t rows, DType dtype, const void* grad,
                        const void* x, void* dx, KanGradients& gradients,
                        const ParallelFor& parallel_for = {});

/// `bias` may be empty. weight and d_weight are [outputs, inputs, shape.total()], the base last.
void kan_linear(const Basis& basis, std::int64_t rows, std::int64_t outputs, DType dtype,
                const void* x, const Parameter& weight, const std::vector<double>& bias, void* y,
                const ParallelFor& parallel_for = {});
void kan_linear_backward(const Basis& basis, std::int64_t rows, std::int64_t outputs, DType dtype,
                         const void* grad, const void* x, const Parameter& weight, void* dx,
                         const ParameterTarget& d_weight, KanGradients& gradients,
                         const ParallelFor& parallel_for = {});

}  // namespace longtail::rational
