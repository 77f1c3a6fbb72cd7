// The CUDA entry point of Poisson solves; no torch here.
//
// With a tolerance of 0 every problem takes most_iterations cycles and the host waits for nothing:
// such a call may be captured in a CUDA graph. Else it waits for the stream every few cycles.
#pragma once

#include <cuda_runtime.h>

#include "cuda/multigrid/poisson_plan.h"

namespace longtail::cuda {

// Memory of as many bytes as PoissonViews::place says. E is float or double.
template <class E>
void launch_poisson(const PoissonPlan& plan, std::byte* memory, const E* f, const E* initial, E* u,
                    const multigrid::SolveReport& report, cudaStream_t stream);

}  // namespace longtail::cuda
