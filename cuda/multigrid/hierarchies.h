// Levels of operators on the device, in memory that multigrid::StencilPlan lays out: a caller's
// tensor, or room of a call.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "multigrid/stencil_plan.h"

namespace longtail::cuda {

template <class S>
struct Hierarchies {
  const multigrid::StencilPlan* plan;
  const S* memory;
  std::int64_t systems;
  std::int64_t step;  // numbers from one system to the next

  multigrid::StencilPointLevel<S> level(std::size_t i) const {
    return multigrid::level_in(*plan, i, memory);
  }
};

// Where the system of a problem begins: problem b has system b % count.
struct Systems {
  std::int64_t count, step;
  __device__ std::int64_t base(std::int64_t problem) const {
    return (problem < count ? problem : problem % count) * step;
  }
};

template <class S>
Systems systems_of(const Hierarchies<S>& of) {
  return {of.systems, of.step};
}

// Whether the two ends of an axis have the same parity though they are neighbours: then points of
// one colour are neighbours.
inline bool has_odd_seam(const multigrid::GridShape& shape) {
  for (int axis = 0; axis < 3; ++axis) {
    if (shape.periodic[axis] && shape.sizes[axis] % 2 == 1) return true;
  }
  return false;
}

}  // namespace longtail::cuda
