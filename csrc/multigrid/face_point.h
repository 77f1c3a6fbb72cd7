#pragma once
// The faces of one point (diffusion.h), for kernels that give each point to a thread.

#include "multigrid/box_math.h"
#include "multigrid/stencil_plan.h"

namespace longtail::multigrid {

/// faces[d] [systems, ..., size + 1 along the axis, ...].
template <class S>
struct FacesView {
  const S* of[3];
};

inline namespace LONGTAIL_LEVEL {

template <class S>
struct FacePair {
  S before, behind;
};

/// Those across an axis. Of a periodic one the last face is the first.
template <class S>
LONGTAIL_INLINE FacePair<S> faces_at(const DiffusionShape& shape, const FacesView<S>& faces,
                                     std::int64_t system, const Place& at, int axis) {
  const std::int64_t planes = shape.sizes[0] + (axis == 0 ? 1 : 0);
  const std::int64_t rows = shape.sizes[1] + (axis == 1 ? 1 : 0);
  const std::int64_t points = shape.sizes[2] + (axis == 2 ? 1 : 0);
  const S* const face =
      faces.of[axis] + (((system * planes + at.of[0]) * rows + at.of[1]) * points + at.of[2]);
  const std::int64_t step = axis == 0 ? rows * points : axis == 1 ? points : std::int64_t{1};
  const bool wraps = shape.periodic[axis] && at.of[axis] + 1 == shape.sizes[axis];
  return {face[0], face[wraps ? -at.of[axis] * step : step]};
}

/// What flows out of a point: weights times differences, in the order of stencil.level.cpp.
template <class S>
LONGTAIL_INLINE S flow_out(const DiffusionShape& shape, const FacesView<S>& faces,
                           std::int64_t system, const Place& at, std::int64_t index, const S* u) {
  S sum = 0;
  LONGTAIL_UNROLL
  for (int i = 0; i < 3; ++i) {
    const int axis = i == 0 ? 2 : i - 1;
    if (axis == 0 && shape.flat) continue;
    const std::int64_t last = shape.sizes[axis] - 1, here = at.of[axis];
    const std::int64_t step = axis == 0   ? shape.sizes[1] * shape.sizes[2]
                              : axis == 1 ? shape.sizes[2]
                                          : std::int64_t{1};
    const bool wraps = shape.periodic[axis];
    const S before = here > 0 ? u[index - step] : wraps ? u[index + last * step] : S(0);
    const S behind = here < last ? u[index + step] : wraps ? u[index - last * step] : S(0);
    const FacePair<S> pair = faces_at(shape, faces, system, at, axis);
    sum = axis == 2 ? pair.before * (u[index] - before) : fma(pair.before, u[index] - before, sum);
    sum = fma(pair.behind, u[index] - behind, sum);
  }
  return sum;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
