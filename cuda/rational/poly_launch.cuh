// The bodies of the launches that depend on the element type.
#pragma once

#include "cuda/core/launch.h"
#include "cuda/rational/poly_kernels.cuh"

namespace longtail::cuda {

template <class E>
void launch_poly_norm(const PolyParameters* parameters, double eps, std::int64_t rows,
                      std::int64_t columns, const E* x, E* y, cudaStream_t stream) {
  if (rows * columns == 0) return;
  const auto blocks = static_cast<unsigned>(poly_norm_blocks(rows));
  poly_norm_forward<E><<<blocks, kPolyThreads, 0, stream>>>(parameters, eps, rows, columns, x, y);
  check_launch("poly_norm");
}

template <class E>
void launch_poly_norm_backward(const PolyParameters* parameters, double eps, std::int64_t rows,
                               std::int64_t columns, const E* grad, const E* x, E* dx,
                               double* partial, cudaStream_t stream) {
  if (rows * columns == 0) return;
  const auto blocks = static_cast<unsigned>(poly_norm_blocks(rows));
  poly_norm_backward<E>
      <<<blocks, kPolyThreads, 0, stream>>>(parameters, eps, rows, columns, grad, x, dx, partial);
  check_launch("poly_norm_backward");
}

template <class E>
void launch_poly_relu(const PolyParameters* parameters, std::int64_t count, const E* x, E* y,
                      cudaStream_t stream) {
  if (count == 0) return;
  const auto blocks = static_cast<unsigned>(poly_relu_blocks(count));
  poly_relu_forward<E><<<blocks, kPolyThreads, 0, stream>>>(parameters, count, x, y);
  check_launch("poly_relu");
}

template <class E>
void launch_poly_relu_backward(const PolyParameters* parameters, std::int64_t count, const E* grad,
                               const E* x, E* dx, double* partial, cudaStream_t stream) {
  if (count == 0) return;
  const auto blocks = static_cast<unsigned>(poly_relu_blocks(count));
  poly_relu_backward<E>
      <<<blocks, kPolyThreads, 0, stream>>>(parameters, count, grad, x, dx, partial);
  check_launch("poly_relu_backward");
}

#define LONGTAIL_POLY_OF(E)                                                                    \
  template void launch_poly_norm<E>(const PolyParameters*, double, std::int64_t, std::int64_t, \
                                    const E*, E*, cudaStream_t);                               \
  template void launch_poly_norm_backward<E>(const PolyParameters*, double, std::int64_t,      \
                                             std::int64_t, const E*, const E*, E*, double*,    \
                                             cudaStream_t);                                    \
  template void launch_poly_relu<E>(const PolyParameters*, std::int64_t, const E*, E*,         \
                                    cudaStream_t);                                             \
  template void launch_poly_relu_backward<E>(const PolyParameters*, std::int64_t, const E*,    \
                                             const E*, E*, double*, cudaStream_t);

}  // namespace longtail::cuda
