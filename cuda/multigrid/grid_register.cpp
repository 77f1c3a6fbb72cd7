// Operators on grids on CUDA: tensors to pointers, memory for a call.
#include <array>

#include "cuda/core/call.h"
#include "cuda/multigrid/grid_launch.h"
#include "torch/grid_ops.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Device;
using on_device::Memory;
using on_device::target;

// Calls run(S*) with a null pointer that carries the type of numbers.
template <class Run>
void with_numbers(bool narrow, const Run& run) {
  if (narrow) return run(static_cast<float*>(nullptr));
  run(static_cast<double*>(nullptr));
}

template <class S>
multigrid::FacesView<S> pointers(const multigrid::DiffusionShape& shape,
                                 const std::array<Tensor, 3>& faces) {
  multigrid::FacesView<S> result{};
  for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) result.of[axis] = data<S>(faces[axis]);
  return result;
}

struct CudaGrids {
  static void hierarchy(const multigrid::DiffusionShape& shape, const std::array<Tensor, 3>& faces,
                        bool narrow, const Tensor& to) {
    const Device device(to);
    Tensor ghosts = to;
    torch::stable::zero_(ghosts);
    with_numbers(narrow, [&]<class S>(S*) {
      const cuda::HierarchyCall<S> call{shape, to.size(0), pointers<double>(shape, faces),
                                        target<S>(to)};
      const Memory<std::byte> memory(to, cuda::hierarchy_bytes(call));
      cuda::launch_hierarchy(call, memory.data(), device.stream());
    });
  }

  static void apply(const multigrid::DiffusionShape& shape, const std::array<Tensor, 3>& faces,
                    DType dtype, const Tensor& u, const Tensor& to) {
    const Device device(u);
    with_numbers(dtype == DType::float32, [&]<class S>(S*) {
      cuda::launch_flow(shape, faces[2].size(0), pointers<S>(shape, faces), u.size(0), data<S>(u),
                        target<S>(to), device.stream());
    });
  }

  static void grid(const GridWork& work, const multigrid::StencilPlan& plan,
                   const Tensor& hierarchy, std::int64_t level, DType dtype, const Tensor* start,
                   const Tensor& values, const Tensor& result) {
    const Device device(values);
    with_numbers(dtype == DType::float32, [&]<class S>(S*) {
      const cuda::GridCall<S> call{work,
                                   {&plan, data<S>(hierarchy), hierarchy.size(0), plan.numbers},
                                   level,
                                   values.size(0),
                                   start ? data<S>(*start) : nullptr,
                                   data<S>(values),
                                   target<S>(result)};
      const Memory<std::byte> memory(values, cuda::grid_bytes(call));
      cuda::launch_grid(call, memory.data(), device.stream());
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_grid_ops<CudaGrids>(m); }

}  // namespace longtail::torch_layer
