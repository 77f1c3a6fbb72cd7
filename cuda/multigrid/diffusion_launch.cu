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
  const DiffusionSteps<OnStream> steps(plan, views, launch);
  steps.prepare(problems.faces);
  steps.solve(problems.f, problems.initial, problems.u, {report.iterations, report.residual});
}

}  // namespace longtail::cuda
