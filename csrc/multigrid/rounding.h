#pragma once
// Where the rounding of float32 is too coarse for the cycles of a box.
//
// u has slow modes: constant along the axes between Neumann or periodic sides, and of the longest
// wave along one of the others. Where that one's spacing is much larger their eigenvalue is much
// smaller than that of the fast modes, and the slow part of u may hide all others behind its last
// digit: a cycle then leaves the rounding error of the slow part times the largest eigenvalue.
// (Beyond a Dirichlet side of a strongly coupled axis nothing is slow.)

#include "multigrid/hierarchy.h"

namespace longtail::multigrid {

/// The smallest eigenvalue of -Laplace but 0, nearly: half a wave along an axis, a quarter between
/// sides of two kinds, a whole one of a periodic axis. Infinite if constants are all there is.
double slowest(const Box& box);

/// True if a cycle in float32 leaves much of random numbers; of a box with steps of 1 or more.
bool needs_float64(const Box& unit);

}  // namespace longtail::multigrid
