#pragma once
// An operator of varying coefficients (stencil_view.h), in float64 while it is made.

#include <vector>

#include "multigrid/grid_memory.h"
#include "multigrid/stencil_view.h"

namespace longtail::multigrid {

struct Stencil {
  GridShape shape;
  Reach reach;
  Grid<double> weights[kCentre];  // without data where there is no such offset
  Grid<double> centre;

  bool has(int offset) const;
};

/// The offsets before the centre that a reach has.
const std::vector<int>& offsets_before(Reach reach);

}  // namespace longtail::multigrid
