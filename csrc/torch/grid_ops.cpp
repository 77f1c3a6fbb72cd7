// Operators on grids on the CPU: tensors to pointers.
#include "torch/grid_ops.h"

#include <array>

namespace longtail::torch_layer {
namespace {

template <class S>
std::array<const S*, 3> pointers(const multigrid::DiffusionShape& shape,
                                 const std::array<Tensor, 3>& faces) {
  std::array<const S*, 3> result{};
  for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
    result[axis] = faces[axis].template const_data_ptr<S>();
  }
  return result;
}

/// Calls run(S()) for the type of numbers.
template <class Run>
void with_numbers(DType dtype, const Run& run) {
  if (dtype == DType::float32) {
    run(float{});
  } else {
    run(double{});
  }
}

struct CpuBackend {
  static void hierarchy(const multigrid::DiffusionShape& shape, const std::array<Tensor, 3>& faces,
                        bool narrow, const Tensor& to) {
    with_numbers(narrow ? DType::float32 : DType::float64, [&]<class S>(S) {
      multigrid::diffusion_hierarchy(shape, to.size(0), pointers<double>(shape, faces).data(),
                                     to.mutable_data_ptr<S>(), torch_parallel_for());
    });
  }

  static void of_entries(const multigrid::DiffusionShape& shape, const Tensor& entries,
                         bool singular, bool narrow, const Tensor& to) {
    with_numbers(narrow ? DType::float32 : DType::float64, [&]<class S>(S) {
      multigrid::stencil_hierarchy(shape, to.size(0), entries.const_data_ptr<double>(), singular,
                                   to.mutable_data_ptr<S>(), torch_parallel_for());
    });
  }

  static void apply(const multigrid::DiffusionShape& shape, const std::array<Tensor, 3>& faces,
                    DType dtype, const Tensor& u, const Tensor& to) {
    with_numbers(dtype, [&]<class S>(S) {
      multigrid::diffusion_apply(shape, faces[2].size(0), pointers<S>(shape, faces).data(),
                                 u.size(0), u.const_data_ptr<S>(), to.mutable_data_ptr<S>(),
                                 torch_parallel_for());
    });
  }

  static void grid(const GridWork& work, const multigrid::StencilPlan& plan,
                   const Tensor& hierarchy, std::int64_t level, DType dtype, const Tensor* start,
                   const Tensor& values, const Tensor& result) {
    with_numbers(dtype, [&]<class S>(S) {
      const multigrid::GridOperators<S> a{plan, hierarchy.const_data_ptr<S>(), hierarchy.size(0),
                                          static_cast<std::size_t>(level)};
      const std::int64_t batch = values.size(0);
      const S* const u = start ? start->const_data_ptr<S>() : nullptr;
      const S* const from = values.const_data_ptr<S>();
      S* const to = result.mutable_data_ptr<S>();
      const ParallelFor& pool = torch_parallel_for();
      switch (work.kind) {
        case GridWork::apply:
          return multigrid::grid_apply(a, batch, from, to, pool);
        case GridWork::smooth:
          return multigrid::grid_smooth(a, work.method, work.method.before, work.reverse, batch, u,
                                        from, to, pool);
        case GridWork::cycle:
          return multigrid::grid_cycle(a, work.method, batch, u, from, to, pool);
        case GridWork::restrict:
          return multigrid::grid_restrict(a, batch, from, to, pool);
        case GridWork::prolong:
          return multigrid::grid_prolong(a, batch, from, to, pool);
      }
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) {
  register_grid_ops<CpuBackend>(m);
  // Boxes are split over processes on CPUs only.
  m.impl("stencil_hierarchy", TORCH_BOX(&stencil_hierarchy_value<CpuBackend>));
}

}  // namespace longtail::torch_layer
