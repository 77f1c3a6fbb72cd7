#pragma once
// Where the levels of an operator of varying coefficients lie in one piece of memory: all of it
// follows from the shape of the grid and the spacings, so that a caller can keep the memory, copy
// it or move it, and say of what it is by a few numbers.
//
// python/longtail/_grid_plan.py says the same for fakes and for views of the entries.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "multigrid/stencil.h"

namespace longtail::multigrid {

struct DiffusionShape {
  bool flat;
  std::int64_t sizes[3];
  bool periodic[3];
  double spacings[3];
  bool full = false;  // the finest operator reaches all neighbours, as coarse ones do
};

/// Positions are those of point (0, 0, 0) of an array, in numbers from the start of the memory; -1
/// where there is no such array.
struct LevelPlan {
  GridShape shape;
  Reach reach;
  std::int64_t weights[kCentre], centre, reciprocal;
  std::int64_t bound;  // one number, of which no eigenvalue of A over its diagonal is larger
  bool last;           // the coarsest: none of what follows
  bool halved[3];
  CoarseAxis axes[3];
  std::int64_t share[27];
};

struct StencilPlan {
  std::vector<LevelPlan> levels;
  std::int64_t inverse;  // [n, n] of the n points of the coarsest level
  std::int64_t numbers;  // in all
};

/// For numbers of type S.
template <class S>
StencilPlan plan_levels(const DiffusionShape& shape);

/// A level in such memory, of which nothing is read here: it may be a GPU's.
template <class S>
StencilPointLevel<S> level_in(const StencilPlan& plan, std::size_t level, const S* memory);

/// Which axes become coarser next; their spacings double. False if none can.
bool choose_axes(const GridShape& shape, double spacings[3], bool halved[3]);

/// How the axes of a grid become coarser.
void coarse_axes(const GridShape& fine, const bool halved[3], CoarseAxis axes[3],
                 std::int64_t sizes[3]);

/// Whether an offset leads along axes that become coarser only; not of (0, 0, 0).
bool shares_along(const bool halved[3], int offset);

}  // namespace longtail::multigrid
