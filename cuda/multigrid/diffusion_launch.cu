#include "cuda/multigrid/diffusion_launch.h"

#include "cuda/multigrid/diffusion_steps.cuh"
#include "cuda/multigrid/launch.cuh"

namespace longtail::cuda {

void launch_diffusion(const DiffusionPlan& plan, std::byte* memory,
                      const multigrid::DiffusionProblems& problems,
                      const multigrid::SolveReport& report, cudaStream_t stream) {
  DiffusionViews views;
  views.place(plan, memory);
  const OnStream launch{stream};
  const DiffusionSteps<OnStream> steps(plan, views, problems.hierarchy, launch);
  steps.prepare({{problems.faces[0], problems.faces[1], problems.faces[2]}});
  steps.solve(problems.f, problems.initial, problems.u, {report.iterations, report.residual});
}

}  // namespace longtail::cuda
