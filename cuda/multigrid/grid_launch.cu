#include "cuda/multigrid/grid_launch.h"

#include "cuda/multigrid/grid_steps.cuh"
#include "cuda/multigrid/launch.cuh"

namespace longtail::cuda {

template <class S>
std::int64_t grid_bytes(const GridCall<S>& call) {
  Layout layout;
  CycleViews<S>().place(plan_of(call), layout);
  return layout.size();
}

template <class S>
void launch_grid(const GridCall<S>& call, std::byte* memory, cudaStream_t stream) {
  const CyclePlan<S> plan = plan_of(call);
  Layout layout(memory);
  CycleViews<S> views;
  views.place(plan, layout);
  run_grid(call, plan, views, OnStream{stream});
}

template <class S>
std::int64_t hierarchy_bytes(const HierarchyCall<S>& call) {
  return HierarchyRoom<S>(call).place(nullptr);
}

template <class S>
void launch_hierarchy(const HierarchyCall<S>& call, std::byte* memory, cudaStream_t stream) {
  HierarchyRoom<S> room(call);
  room.place(memory);
  const OnStream launch{stream};
  const HierarchySteps<OnStream> steps(room.task, launch);
  steps.finest(call.faces);
  steps.coarser();
}

template <class S>
void launch_flow(const multigrid::DiffusionShape& shape, std::int64_t systems,
                 const multigrid::FacesView<S>& faces, std::int64_t batch, const S* u, S* to,
                 cudaStream_t stream) {
  const PointTiles tiles = all_points(shape.sizes);
  OnStream{stream}(flow_of_faces<S>, point_grid(tiles, batch), kPointThreads, 0, shape, tiles,
                   systems, faces, batch, u, to);
}

#define LONGTAIL_INSTANTIATE(S)                                                            \
  template std::int64_t grid_bytes<S>(const GridCall<S>&);                                 \
  template void launch_grid<S>(const GridCall<S>&, std::byte*, cudaStream_t);              \
  template std::int64_t hierarchy_bytes<S>(const HierarchyCall<S>&);                       \
  template void launch_hierarchy<S>(const HierarchyCall<S>&, std::byte*, cudaStream_t);    \
  template void launch_flow<S>(const multigrid::DiffusionShape&, std::int64_t,             \
                               const multigrid::FacesView<S>&, std::int64_t, const S*, S*, \
                               cudaStream_t);
LONGTAIL_INSTANTIATE(float)
LONGTAIL_INSTANTIATE(double)
#undef LONGTAIL_INSTANTIATE

}  // namespace longtail::cuda
