// Polynomial compositions (Zhuo et al., "Polynomial Composition Activations", 2024) on plain
// memory.
//
//   poly_norm  y = w_0 N(x^3) + w_1 N(x^2) + w_2 N(x) + b over rows of x,
//              N(u) = u / sqrt(mean(u^2) + eps)
//   poly_relu  y = w_0 p^3 + w_1 p^2 + w_2 p + b, p = max(x, 0)
//
// Only x is needed for the gradients; sums over the weights are taken over fixed blocks in a fixed
// order, the same bits for any number of threads.
#pragma once

#include <array>
#include <cstdint>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::rational {

/// w_0, w_1, w_2 (cube, square, linear) and the bias.
struct Poly {
  std::array<double, 3> weight;
  double bias;
};
/// Sums of grad * dy/dw_0 ... dy/dw_2 and of grad.
using PolySums = std::array<double, 4>;

void poly_norm(const Poly& poly, double eps, std::int64_t rows, std::int64_t columns, DType dtype,
               const void* x, void* y, const ParallelFor& parallel_for = {});
PolySums poly_norm_backward(const Poly& poly, double eps, std::int64_t rows, std::int64_t columns,
                            DType dtype, const void* grad, const void* x, void* dx,
                            const ParallelFor& parallel_for = {});

void poly_relu(const Poly& poly, std::int64_t count, DType dtype, const void* x, void* y,
               const ParallelFor& parallel_for = {});
PolySums poly_relu_backward(const Poly& poly, std::int64_t count, DType dtype, const void* grad,
                            const void* x, void* dx, const ParallelFor& parallel_for = {});

}  // namespace longtail::rational
