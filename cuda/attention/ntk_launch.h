// The CUDA entry points of ntk_attention; no torch here. E is the type of q, k and v, P that of z
// and kappa.
#pragma once

#include <cuda_runtime.h>

#include "attention/ntk.h"
#include "cuda/attention/ntk_problem.h"
#include "cuda/core/element_type.h"

namespace longtail::cuda {

// Numbers of S that hold the slopes of a row.
constexpr std::int64_t kNtkSlopes = 4;

template <class E>
NtkProblem<E, compute_type<E>> ntk_problem(const attention::NtkShape& shape, const E* q, const E* k,
                                           const E* v, const compute_type<E>* prefix,
                                           const double* units);

// prefix [prefixes, channels, values + 1] and units [prefixes, 2].
template <class P, class S>
void launch_ntk_prepare(const attention::NtkShape& shape, const P* z, const P* kappa, S* prefix,
                        double* units, cudaStream_t stream);

template <class E>
void launch_ntk_forward(const NtkProblem<E, compute_type<E>>& problem, E* out, double* lse,
                        cudaStream_t stream);

// slopes [problems, queries] is memory for kNtkSlopes numbers a row.
template <class E>
void launch_ntk_backward(const NtkProblem<E, compute_type<E>>& problem, const E* grad, const E* out,
                         const double* lse, compute_type<E>* slopes, E* dq, E* dk, E* dv,
                         cudaStream_t stream);
template <class E, class P>
void launch_ntk_prefix_backward(const NtkProblem<E, compute_type<E>>& problem, const E* grad,
                                const compute_type<E>* slopes, const P* kappa, P* dz, P* dkappa,
                                cudaStream_t stream);

}  // namespace longtail::cuda
