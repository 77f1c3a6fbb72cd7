// The CUDA entry points of operators on grids (multigrid/grid_ops.h); no torch here. Nothing waits
// for the device: a call may be captured in a CUDA graph.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "cuda/multigrid/hierarchies.h"
#include "multigrid/face_point.h"

// After what opens the level's namespace.
#include "multigrid/grid_ops.h"

namespace longtail::cuda {

// One operation of a level, with pointers on the device.
template <class S>
struct GridCall {
  multigrid::GridWork work;
  Hierarchies<S> hierarchies;
  std::int64_t level, batch;
  const S *start, *values;  // start: of smooth and cycle, u; null for 0
  S* to;
};

// How many bytes of memory a call needs.
template <class S>
std::int64_t grid_bytes(const GridCall<S>& call);
template <class S>
void launch_grid(const GridCall<S>& call, std::byte* memory, cudaStream_t stream);

// multigrid::diffusion_hierarchy. `to` is 0.
template <class S>
struct HierarchyCall {
  multigrid::DiffusionShape shape;
  std::int64_t systems;
  multigrid::FacesView<double> faces;
  S* to;
};
template <class S>
std::int64_t hierarchy_bytes(const HierarchyCall<S>& call);
template <class S>
void launch_hierarchy(const HierarchyCall<S>& call, std::byte* memory, cudaStream_t stream);

// multigrid::diffusion_apply.
template <class S>
void launch_flow(const multigrid::DiffusionShape& shape, std::int64_t systems,
                 const multigrid::FacesView<S>& faces, std::int64_t batch, const S* u, S* to,
                 cudaStream_t stream);

}  // namespace longtail::cuda
