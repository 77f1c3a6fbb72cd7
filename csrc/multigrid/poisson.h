#pragma once
// -Laplace u = f on a box, by V-cycles in float32 that correct an iterate in float64.
//
// Each of a batch of problems ends when ||f - A u|| <= tolerance ||f||, norms over its points, or
// after so many cycles; f = 0 gives u = 0. Where constants are in the null space (neither side of
// any axis is Dirichlet) f counts without its mean, by volume, and u has mean 0.

#include <cstdint>

#include "core/elementwise.h"
#include "core/parallel.h"
#include "multigrid/cycle.h"

namespace longtail::multigrid {

struct SolveOptions {
  double tolerance;
  int most_iterations;
  CycleOptions cycle;
};

/// Of each problem: cycles that it took, relative residual of the iterate in float64, and of what
/// is returned, which was rounded to the element type.
struct SolveReport {
  std::int64_t* iterations;
  double *residual, *residual_returned;
};

/// The same box with steps of about 1, so that numbers of any size fit float32; its A is that of
/// the box times scale^2.
Box with_unit_steps(Box box, double& scale);

/// f, u and, unless null, `initial` [batch, points of the box], contiguous float32 or float64.
void poisson_solve(const Box& box, std::int64_t batch, DType dtype, const void* f,
                   const void* initial, void* u, const SolveOptions& options,
                   const SolveReport& report, const ParallelFor& parallel_for = {});

}  // namespace longtail::multigrid
