// Multigrid on CUDA: tensors to pointers, memory for a call.
#include <array>

#include "cuda/core/call.h"
#include "cuda/multigrid/diffusion_launch.h"
#include "cuda/multigrid/poisson_launch.h"
#include "torch/multigrid.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Device;
using on_device::Memory;
using on_device::target;

struct CudaBackend {
  static void poisson(const multigrid::Box& box, std::int64_t batch, DType dtype, const Tensor& f,
                      const Tensor& initial, const multigrid::SolveOptions& options,
                      const SolveTensors& to) {
    const auto& [u, iterations, residual, returned] = to;
    const Device device(f);
    const cuda::PoissonPlan plan(box, batch, {options.tolerance, options.most_iterations});
    const Memory<std::byte> memory(f, cuda::PoissonViews().place(plan, nullptr));
    const multigrid::SolveReport report = {target<std::int64_t>(iterations),
                                           target<double>(residual), target<double>(returned)};
    const auto solve = [&]<class E>(E*) {
      cuda::launch_poisson(plan, memory.data(), data<E>(f),
                           given(initial) ? data<E>(initial) : nullptr, target<E>(u), report,
                           device.stream());
    };
    if (dtype == DType::float64) return solve(static_cast<double*>(nullptr));
    solve(static_cast<float*>(nullptr));
  }

  static void diffusion(const multigrid::DiffusionShape& shape, std::int64_t systems,
                        std::int64_t batch, const std::array<Tensor, 3>& faces, const Tensor& f,
                        const Tensor& initial, const Tensor& hierarchy, bool wide,
                        const multigrid::SolveOptions& options,
                        const std::tuple<Tensor, Tensor, Tensor>& to) {
    const auto& [u, iterations, residual] = to;
    const Device device(f);
    const multigrid::SolveReport report{target<std::int64_t>(iterations), target<double>(residual),
                                        nullptr};
    const auto solve = [&]<class C>(C*) {
      const cuda::DiffusionPlan<C> plan(
          shape, systems, batch, {options.tolerance, options.most_iterations}, given(hierarchy));
      const Memory<std::byte> memory(f, cuda::DiffusionViews<C>().place(plan, nullptr));
      multigrid::DiffusionProblems<C> problems{
          systems, batch, {}, nullptr, data<double>(f), nullptr, target<double>(u)};
      for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
        problems.faces[axis] = data<double>(faces[axis]);
      }
      if (given(hierarchy)) problems.hierarchy = data<C>(hierarchy);
      if (given(initial)) problems.initial = data<double>(initial);
      cuda::launch_diffusion(plan, memory.data(), problems, report, device.stream());
    };
    if (wide) return solve(static_cast<double*>(nullptr));
    solve(static_cast<float*>(nullptr));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_multigrid<CudaBackend>(m); }

}  // namespace longtail::torch_layer
