#pragma once
// The next coarser level of an operator of varying coefficients: how coarse points share in fine
// ones, and the Galerkin operator P^T A P.
//
// The shares follow the operator, not the geometry, so that they bend where the coefficient jumps:
// J. E. Dendy, "Black box multigrid", Journal of Computational Physics 48, 1982; the same in three
// dimensions, 1986. A fine point between two coarse ones takes the operator summed across the line
// of the two; a point between lines (planes) what makes its own residual 0, its neighbours being
// interpolated already.

#include "multigrid/stencil.h"

namespace longtail::multigrid {

/// Arrays in the layout of the coarse grid, as SharesView has them.
struct Shares {
  CoarseAxis axes[3];
  GridShape coarse;
  Grid<double> share[27];

  bool along(int offset) const;  // whether there is such an array
};

/// Which axes become coarser: of at least two points.
Shares black_box_shares(const Stencil& fine, const bool halved[3]);

Stencil galerkin(const Stencil& fine, const Shares& shares);

}  // namespace longtail::multigrid
