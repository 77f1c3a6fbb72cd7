// The CUDA entry points of Kolmogorov-Arnold layers; no torch here. E is the type of x, S the one
// that computes for it.
#pragma once

#include <cuda_runtime.h>

#include "cuda/core/element_type.h"
#include "cuda/rational/kan_layout.h"

namespace longtail::cuda {

// What the kernels read parameters from (kan_parameters.cuh).
template <class S>
void launch_kan_table(const rational::BasisShape& shape, std::int64_t columns,
                      const KanSource& first, const KanSource& second, S* table,
                      cudaStream_t stream);
template <class S>
void launch_kan_pack(const KanSource& weight, std::int64_t outputs, std::int64_t depth, S* packed,
                     cudaStream_t stream);
template <class S>
void launch_kan_convert(const KanSource& source, std::int64_t count, S* to, cudaStream_t stream);
template <class S>
void launch_hat_edges(const KanSource& weight, const KanSource& scale, const KanSource& shift,
                      std::int64_t count, S* edges, cudaStream_t stream);

// The sums over terms of partial [terms, size] into a parameter's gradient.
void launch_kan_collect(const double* partial, std::int64_t terms, std::int64_t size, void* to,
                        DType dtype, cudaStream_t stream);

template <class E>
void launch_kan_basis(const KanLayer<compute_type<E>>& layer, const E* x, E* phi,
                      cudaStream_t stream);
template <class E>
void launch_kan_linear(const KanLayer<compute_type<E>>& layer, const E* x,
                       const compute_type<E>* packed, const KanSource& bias, E* y,
                       cudaStream_t stream);
// dx, and sums of parameters' gradients; `weight` is null where grad is that of the functions.
template <class E>
void launch_kan_pull(const KanLayer<compute_type<E>>& layer, const E* grad, const E* x,
                     const compute_type<E>* weight, E* dx, double* first, double* second,
                     cudaStream_t stream);
template <class E>
void launch_kan_weight(const KanLayer<compute_type<E>>& layer, const E* grad, const E* x,
                       double* partial, cudaStream_t stream);
// Sums into partial [kan_bias_parts(rows), outputs].
template <class E>
void launch_kan_bias(std::int64_t rows, std::int64_t outputs, const E* grad, double* partial,
                     cudaStream_t stream);

template <class E>
void launch_hat(const HatLayer<compute_type<E>>& layer, const E* x, const KanSource& bias, E* y,
                cudaStream_t stream);
template <class E>
void launch_hat_backward(const HatLayer<compute_type<E>>& layer, const E* grad, const E* x, E* dx,
                         double* partial, cudaStream_t stream);

}  // namespace longtail::cuda
