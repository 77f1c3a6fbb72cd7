// Multigrid on the CPU: tensors to pointers.
#include "torch/multigrid.h"

#include <array>
#include <optional>

namespace longtail::torch_layer {
namespace {

struct CpuBackend {
  static void poisson(const multigrid::Box& box, std::int64_t batch, DType dtype, const Tensor& f,
                      const Tensor& initial, const multigrid::SolveOptions& options,
                      const SolveTensors& to) {
    const auto& [u, iterations, residual, returned] = to;
    multigrid::poisson_solve(
        box, batch, dtype, f.const_data_ptr(), given(initial) ? initial.const_data_ptr() : nullptr,
        u.mutable_data_ptr(), options,
        {iterations.mutable_data_ptr<std::int64_t>(), residual.mutable_data_ptr<double>(),
         returned.mutable_data_ptr<double>()},
        torch_parallel_for());
  }

  static void diffusion(const multigrid::DiffusionShape& shape, std::int64_t systems,
                        std::int64_t batch, const std::array<Tensor, 3>& faces, const Tensor& f,
                        const Tensor& initial, const Tensor& hierarchy, bool wide,
                        const multigrid::SolveOptions& options,
                        const std::tuple<Tensor, Tensor, Tensor>& to) {
    const auto& [u, iterations, residual] = to;
    const multigrid::SolveReport report{iterations.mutable_data_ptr<std::int64_t>(),
                                        residual.mutable_data_ptr<double>(), nullptr};
    const auto solve = [&]<class C>(C*) {
      multigrid::DiffusionProblems<C> problems{systems,
                                               batch,
                                               {},
                                               nullptr,
                                               f.const_data_ptr<double>(),
                                               nullptr,
                                               u.mutable_data_ptr<double>()};
      for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
        problems.faces[axis] = faces[axis].const_data_ptr<double>();
      }
      if (given(hierarchy)) problems.hierarchy = hierarchy.const_data_ptr<C>();
      if (given(initial)) problems.initial = initial.const_data_ptr<double>();
      multigrid::diffusion_solve(shape, problems, options, report, torch_parallel_for());
    };
    if (wide) return solve(static_cast<double*>(nullptr));
    solve(static_cast<float*>(nullptr));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_multigrid<CpuBackend>(m); }

}  // namespace longtail::torch_layer
