// The bodies of the launches that depend on the element type.
#pragma once

#include <cmath>

#include "cuda/attention/launch_tiles.cuh"
#include "cuda/attention/ntk_kernels.cuh"
#include "cuda/attention/ntk_launch.h"

namespace longtail::cuda {

template <class E>
NtkProblem<E, compute_type<E>> ntk_problem(const attention::NtkShape& shape, const E* q, const E* k,
                                           const E* v, const compute_type<E>* prefix,
                                           const double* units) {
  using S = compute_type<E>;
  const double factor = 1 / std::sqrt(std::sqrt(static_cast<double>(shape.channels)));
  return {shape.problems(),
          shape.prefixes(),
          shape.queries,
          shape.keys,
          shape.channels,
          shape.values,
          shape.causal,
          static_cast<S>(shape.scale),
          static_cast<S>(factor),
          q,
          k,
          v,
          prefix,
          units};
}

template <class P, class S>
void launch_ntk_prepare(const attention::NtkShape& shape, const P* z, const P* kappa, S* prefix,
                        double* units, cudaStream_t stream) {
  launch_tiles("ntk_attention", ntk_prepare<P, S>, shape.prefixes(), stream, shape.channels,
               shape.values, z, kappa, prefix, units);
}

template <class E>
void launch_ntk_forward(const NtkProblem<E, compute_type<E>>& problem, E* out, double* lse,
                        cudaStream_t stream) {
  launch_tiles("ntk_attention", ntk_forward<E, compute_type<E>>,
               problem.problems * tiles_of(problem.queries), stream, problem, out, lse);
}

template <class E>
void launch_ntk_backward(const NtkProblem<E, compute_type<E>>& problem, const E* grad, const E* out,
                         const double* lse, compute_type<E>* slopes, E* dq, E* dk, E* dv,
                         cudaStream_t stream) {
  using S = compute_type<E>;
  static_assert(sizeof(NtkRowSlopes<S>) == kNtkSlopes * sizeof(S));
  const char* name = "ntk_attention_backward";
  auto* of_rows = reinterpret_cast<NtkRowSlopes<S>*>(slopes);
  const std::int64_t rows = problem.problems * problem.queries;
  launch_tiles(name, ntk_slopes<E, S>, (rows + kTileThreads - 1) / kTileThreads, stream, rows,
               problem.values, out, grad, lse, of_rows);
  const NtkRowSlopes<S>* known = of_rows;
  launch_tiles(name, ntk_queries_backward<E, S>, problem.problems * tiles_of(problem.queries),
               stream, problem, grad, known, dq);
  launch_tiles(name, ntk_keys_backward<E, S>, problem.problems * tiles_of(problem.keys), stream,
               problem, grad, known, dk, dv);
}

template <class E, class P>
void launch_ntk_prefix_backward(const NtkProblem<E, compute_type<E>>& problem, const E* grad,
                                const compute_type<E>* slopes, const P* kappa, P* dz, P* dkappa,
                                cudaStream_t stream) {
  using S = compute_type<E>;
  launch_tiles("ntk_attention_backward", ntk_prefix_backward<E, P, S>,
               problem.prefixes * tiles_of(problem.channels) * tiles_of(problem.values + 1), stream,
               problem, grad, reinterpret_cast<const NtkRowSlopes<S>*>(slopes), kappa, dz, dkappa);
}

#define LONGTAIL_NTK_OF(E)                                                                        \
  template NtkProblem<E, compute_type<E>> ntk_problem<E>(const attention::NtkShape&, const E*,    \
                                                         const E*, const E*,                      \
                                                         const compute_type<E>*, const double*);  \
  template void launch_ntk_forward<E>(const NtkProblem<E, compute_type<E>>&, E*, double*,         \
                                      cudaStream_t);                                              \
  template void launch_ntk_backward<E>(const NtkProblem<E, compute_type<E>>&, const E*, const E*, \
                                       const double*, compute_type<E>*, E*, E*, E*, cudaStream_t);
#define LONGTAIL_NTK_WITH_PREFIX(E, P)                                                            \
  template void launch_ntk_prefix_backward<E, P>(const NtkProblem<E, compute_type<E>>&, const E*, \
                                                 const compute_type<E>*, const P*, P*, P*,        \
                                                 cudaStream_t);
#define LONGTAIL_NTK_PREPARE(P, S)                                                           \
  template void launch_ntk_prepare<P, S>(const attention::NtkShape&, const P*, const P*, S*, \
                                         double*, cudaStream_t);

}  // namespace longtail::cuda
