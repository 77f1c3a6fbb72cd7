// The kernels that make all levels of operators, in their order; `Launch` as of poisson_steps.cuh.
#pragma once

#include "cuda/multigrid/diffusion_setup.cuh"
#include "cuda/multigrid/stencil_cycle.cuh"

namespace longtail::cuda {

// What is to be made. Ghosts that are no copies are not written.
struct HierarchyTask {
  DiffusionShape shape;
  Hierarchies<double> wide;
  Hierarchies<float> narrow;  // memory null: none
  int* singular;              // [systems]
  Sums largest;               // of blocks of each system; null: bounds are not needed
};

template <class Launch>
class HierarchySteps {
 public:
  HierarchySteps(const HierarchyTask& task, const Launch& launch) : task_(task), launch_(launch) {}

  // The finest operator of all systems.
  void finest(const FacesView<double>& faces) const {
    launch_(find_singular<>, dim3{1, block_rows(systems()), 1}, kPointThreads, 0, task_.shape,
            systems(), faces, task_.singular);
    const PointTiles tiles = all_points(task_.shape.sizes);
    launch_(stencil_of_faces<>, point_grid(tiles, systems()), kPointThreads, 0, both(0), tiles,
            task_.shape, faces);
  }

  // All that follows from it.
  void coarser() const {
    const std::size_t last = task_.wide.plan->levels.size() - 1;
    for (std::size_t i = 0; i < last; ++i) {
      const BothLevels fine = both(i), coarse = both(i + 1);
      const PointTiles tiles = all_points(coarse.exact.stencil.shape.sizes);
      const int axes = task_.shape.flat ? 2 : 3;
      for (int count = 1; count <= axes; ++count) {
        launch_(make_shares<>, point_grid(tiles, 27 * systems()), kPointThreads, 0, fine, tiles,
                count);
      }
      launch_(make_coarser<>, point_grid(tiles, 14 * systems()), kPointThreads, 0, fine, coarse,
              tiles);
      if (task_.largest.of == nullptr) continue;
      launch_(bound_rows<>, point_grid(tiles, systems()), kPointThreads, 0, coarse, tiles,
              task_.largest);
      launch_(bound_level<>, dim3{1, block_rows(systems()), 1}, kPointThreads, 0, coarse,
              tiles.blocks, task_.largest);
    }
    if (task_.narrow.memory == nullptr) return invert(last, task_.wide);
    invert(last, task_.narrow);
  }

 private:
  std::int64_t systems() const { return task_.wide.systems; }

  BothLevels both(std::size_t i) const {
    const bool has_narrow = task_.narrow.memory != nullptr;
    return {task_.wide.level(i), has_narrow ? task_.narrow.level(i) : StencilPointLevel<float>{},
            task_.wide.step, has_narrow ? task_.narrow.step : 0, systems()};
  }
  template <class S>
  void invert(std::size_t last, const Hierarchies<S>& to) const {
    launch_(invert_coarsest<S>, dim3{1, block_rows(systems()), 1}, kInverseThreads, 0, both(last),
            task_.singular, const_cast<S*>(to.memory) + to.plan->inverse, to.step);
  }

  const HierarchyTask task_;
  const Launch& launch_;
};

}  // namespace longtail::cuda
