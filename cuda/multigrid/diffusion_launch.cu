#include "cuda/multigrid/diffusion_launch.h"

#include "cuda/multigrid/diffusion_steps.cuh"
#include "cuda/multigrid/launch.cuh"

namespace longtail::cuda {

template <class C>
void launch_diffusion(const DiffusionPlan<C>& plan, std::byte* memory,
                      const multigrid::DiffusionProblems<C>& problems,
                      const multigrid::SolveReport& report, cudaStream_t stream) {
  DiffusionViews<C> views;
  views.place(plan, memory);
  const OnStream launch{stream};
  const DiffusionSteps<OnStream, C> steps(plan, views, problems.hierarchy, launch);
  steps.prepare({{problems.faces[0], problems.faces[1], problems.faces[2]}});
  steps.solve(problems.f, problems.initial, problems.u, {report.iterations, report.residual});
}

template void launch_diffusion<float>(const DiffusionPlan<float>&, std::byte*,
                                      const multigrid::DiffusionProblems<float>&,
                                      const multigrid::SolveReport&, cudaStream_t);
template void launch_diffusion<double>(const DiffusionPlan<double>&, std::byte*,
                                       const multigrid::DiffusionProblems<double>&,
                                       const multigrid::SolveReport&, cudaStream_t);

}  // namespace longtail::cuda
