// The CUDA entry points of pattention; no torch here. E is the type of x.
#pragma once

#include <cuda_runtime.h>

#include "attention/pattention.h"
#include "cuda/attention/pattention_problem.h"
#include "cuda/core/element_type.h"

namespace longtail::cuda {

// Numbers of S that hold what is known of a row.
constexpr std::int64_t kPattentionRow = 4;

template <class E>
PattentionProblem<E, compute_type<E>> pattention_problem(const attention::PattentionShape& shape,
                                                         const E* x, const compute_type<E>* key,
                                                         const compute_type<E>* value);

// Elements from one type into another.
template <class From, class To>
void launch_attention_convert(std::int64_t count, const From* from, To* to, cudaStream_t stream);

// rows [rows] is memory for kPattentionRow numbers each.
template <class E>
void launch_pattention(const PattentionProblem<E, compute_type<E>>& problem, compute_type<E>* rows,
                       E* y, cudaStream_t stream);
template <class E>
void launch_pattention_backward(const PattentionProblem<E, compute_type<E>>& problem, const E* grad,
                                compute_type<E>* rows, E* dx, compute_type<E>* dkey,
                                compute_type<E>* dvalue, cudaStream_t stream);

}  // namespace longtail::cuda
