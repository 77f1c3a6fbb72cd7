// The layer whose functions belong to edges: Mexican-hat wavelets (Bozorgasl and Chen, "Wav-KAN",
// 2024), psi(u) = 2 / (sqrt(3) pi^(1/4)) (1 - u^2) exp(-u^2 / 2):
//
//   y[n, o] = bias_o + sum over i of weight[o, i] psi((x[n, i] - shift[o, i]) / scale[o, i])
#pragma once

#include <cstdint>
#include <vector>

#include "core/elementwise.h"
#include "core/parallel.h"
#include "rational/kan_math.h"

namespace longtail::rational {

/// All [outputs, inputs], in float64.
struct HatEdges {
  std::int64_t inputs, outputs;
  std::vector<double> weight, scale, shift;
};
struct HatGradients {
  std::vector<double> weight, scale, shift;  // [outputs, inputs]
  std::vector<double> bias;                  // [outputs]
};

void hat_linear(const HatEdges& edges, const std::vector<double>& bias, std::int64_t rows,
                DType dtype, const void* x, void* y, const ParallelFor& parallel_for = {});
void hat_linear_backward(const HatEdges& edges, std::int64_t rows, DType dtype, const void* grad,
                         const void* x, void* dx, HatGradients& gradients,
                         const ParallelFor& parallel_for = {});

inline namespace LONGTAIL_LEVEL {

/// psi(u) and psi'(u). u is cut where psi is 0, so that no infinity meets a zero.
template <Real T>
LONGTAIL_INLINE Bent<T> mexican_hat(T u) {
  using S = scalar_t<T>;
  constexpr S norm = S(0.86732507058407750);  // 2 / (sqrt(3) pi^(1/4))
  const T near = max(T(S(-64)), min(T(S(64)), u)), square = near * near;
  const T bell = T(norm) * exp(T(S(-0.5)) * square);
  return {bell * (T(S(1)) - square), bell * near * (square - T(S(3)))};
}

/// One edge: weight, 1 / scale and shift.
template <class T>
struct Edge {
  T weight, inverse, shift;
};
/// What grad pulls back through weight * psi: into x, and into the edge's parameters.
template <class T>
struct EdgePull {
  T x, weight, scale, shift;
};
template <Real T>
LONGTAIL_INLINE EdgePull<T> pull_edge(const Edge<T>& edge, T grad, T x) {
  const T far(scalar_t<T>(64));
  const T u = max(-far, min(far, T((x - edge.shift) * edge.inverse)));
  const Bent<T> hat = mexican_hat(u);
  const T slope = grad * edge.weight * hat.slope * edge.inverse;
  return {slope, grad * hat.value, -slope * u, -slope};
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
