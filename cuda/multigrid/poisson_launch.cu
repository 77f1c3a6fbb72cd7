#include "cuda/multigrid/poisson_launch.h"

#include "cuda/multigrid/launch.cuh"
#include "cuda/multigrid/poisson_steps.cuh"

namespace longtail::cuda {

template <class E>
void launch_poisson(const PoissonPlan& plan, std::byte* memory, const E* f, const E* initial, E* u,
                    const multigrid::SolveReport& report, cudaStream_t stream) {
  PoissonViews views;
  views.place(plan, memory);
  PoissonSteps<E, OnStream>(plan, views, OnStream{stream})
      .solve(f, initial, u, {report.iterations, report.residual, report.residual_returned});
}

template void launch_poisson<float>(const PoissonPlan&, std::byte*, const float*, const float*,
                                    float*, const multigrid::SolveReport&, cudaStream_t);
template void launch_poisson<double>(const PoissonPlan&, std::byte*, const double*, const double*,
                                     double*, const multigrid::SolveReport&, cudaStream_t);

}  // namespace longtail::cuda
