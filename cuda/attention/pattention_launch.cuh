// The bodies of the launches that depend on the element type.
#pragma once

#include <algorithm>

#include "cuda/attention/launch_tiles.cuh"
#include "cuda/attention/pattention_kernels.cuh"
#include "cuda/attention/pattention_launch.h"

namespace longtail::cuda {

template <class E>
PattentionProblem<E, compute_type<E>> pattention_problem(const attention::PattentionShape& shape,
                                                         const E* x, const compute_type<E>* key,
                                                         const compute_type<E>* value) {
  return {shape.rows,
          shape.inputs,
          shape.tokens,
          shape.outputs,
          static_cast<compute_type<E>>(shape.tau),
          x,
          key,
          value};
}

template <class From, class To>
void launch_attention_convert(std::int64_t count, const From* from, To* to, cudaStream_t stream) {
  const std::int64_t blocks = (count + kTileThreads - 1) / kTileThreads;
  launch_tiles("pattention", attention_convert<From, To>, std::min(blocks, std::int64_t{1} << 20),
               stream, count, from, to);
}

template <class E>
void launch_pattention(const PattentionProblem<E, compute_type<E>>& problem, compute_type<E>* rows,
                       E* y, cudaStream_t stream) {
  using S = compute_type<E>;
  static_assert(sizeof(PattentionRow<S>) == kPattentionRow * sizeof(S));
  auto* known = reinterpret_cast<PattentionRow<S>*>(rows);
  launch_tiles("pattention", pattention_norms<E, S>, tiles_of(problem.rows), stream, problem,
               known);
  launch_tiles("pattention", pattention_forward<E, S>,
               tiles_of(problem.rows) * channel_tiles_of(problem.outputs), stream, problem,
               static_cast<const PattentionRow<S>*>(known), y);
}

template <class E>
void launch_pattention_backward(const PattentionProblem<E, compute_type<E>>& problem, const E* grad,
                                compute_type<E>* rows, E* dx, compute_type<E>* dkey,
                                compute_type<E>* dvalue, cudaStream_t stream) {
  using S = compute_type<E>;
  const char* name = "pattention_backward";
  auto* known = reinterpret_cast<PattentionRow<S>*>(rows);
  const PattentionRow<S>* read = known;
  const std::int64_t tiles = tiles_of(problem.rows), tokens = tiles_of(problem.tokens);
  launch_tiles(name, pattention_norms<E, S>, tiles, stream, problem, known);
  launch_tiles(name, pattention_shares<E, S>, tiles, stream, problem, grad, known);
  launch_tiles(name, pattention_rows_backward<E, S>, tiles * channel_tiles_of(problem.inputs),
               stream, problem, grad, read, dx);
  launch_tiles(name, pattention_tokens_backward<false, E, S>,
               tokens * channel_tiles_of(problem.inputs), stream, problem, grad, read, dkey);
  launch_tiles(name, pattention_tokens_backward<true, E, S>,
               tokens * channel_tiles_of(problem.outputs), stream, problem, grad, read, dvalue);
}

#define LONGTAIL_PATTENTION_OF(E)                                                               \
  template PattentionProblem<E, compute_type<E>> pattention_problem<E>(                         \
      const attention::PattentionShape&, const E*, const compute_type<E>*,                      \
      const compute_type<E>*);                                                                  \
  template void launch_pattention<E>(const PattentionProblem<E, compute_type<E>>&,              \
                                     compute_type<E>*, E*, cudaStream_t);                       \
  template void launch_pattention_backward<E>(const PattentionProblem<E, compute_type<E>>&,     \
                                              const E*, compute_type<E>*, E*, compute_type<E>*, \
                                              compute_type<E>*, cudaStream_t);
#define LONGTAIL_ATTENTION_CONVERT(From, To) \
  template void launch_attention_convert<From, To>(std::int64_t, const From*, To*, cudaStream_t);

}  // namespace longtail::cuda
