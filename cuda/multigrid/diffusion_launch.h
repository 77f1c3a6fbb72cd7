// The CUDA entry point of diffusion solves; no torch here. May be captured in a CUDA graph if the
// tolerance is 0: see poisson_launch.h.
#pragma once

#include <cuda_runtime.h>

#include "cuda/multigrid/diffusion_plan.h"

namespace longtail::cuda {

// Pointers on the device; memory of as many bytes as DiffusionViews::place says. C is float
// or double.
template <class C>
void launch_diffusion(const DiffusionPlan<C>& plan, std::byte* memory,
                      const multigrid::DiffusionProblems<C>& problems,
                      const multigrid::SolveReport& report, cudaStream_t stream);

}  // namespace longtail::cuda
