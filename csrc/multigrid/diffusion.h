#pragma once
// -div(a grad u) = f on a box, by conjugate gradients in float64 with a cycle in float32, or in
// float64 where that rounds too much (diffusion_needs_float64).
//
// The operator is given by what flows through faces: faces[d] holds weights of the faces across
// axis d, [.., size + 1, ..]: face i is in front of point i, the last behind the last. A weight is
// the coefficient over the square of the distance, such that
//
//   (A u)[i] = sum over its faces of weight (u[i] - u of the point beyond)
//
// A face at the end of an axis that is not periodic has 0 beyond it. Of a periodic axis the last
// face is the first and is not read.

#include <array>
#include <cstdint>

#include "multigrid/poisson.h"
#include "multigrid/stencil_cycle.h"

namespace longtail::multigrid {

/// faces[0] is not read of a flat one.
Stencil diffusion_stencil(const DiffusionShape& shape, const double* const faces[3]);

/// Where faces of system `i` begin.
std::array<const double*, 3> faces_of(const DiffusionShape& shape, const double* const faces[3],
                                      std::int64_t i);

/// True if nothing leaves the box: constants are in the null space.
bool is_singular(const DiffusionShape& shape, const double* const faces[3]);

/// The hierarchy of build_hierarchy() for each of so many systems, plan_levels<S>(shape).numbers
/// numbers each.
template <class S>
void diffusion_hierarchy(const DiffusionShape& shape, std::int64_t systems,
                         const double* const faces[3], S* memory,
                         const ParallelFor& parallel_for = {});

/// The same of operators that reach all neighbours (shape.full), systems of a whole: entries
/// [systems, offsets_before() and then the centre, points of the grid]. Weights across an end of an
/// axis that is not periodic are not read.
template <class S>
void stencil_hierarchy(const DiffusionShape& shape, std::int64_t systems, const double* entries,
                       bool singular, S* memory, const ParallelFor& parallel_for = {});

/// `batch` problems of one system, or of one each; contiguous. Cycles compute in C.
template <class C>
struct DiffusionProblems {
  std::int64_t systems, batch;
  const double* faces[3];
  const C* hierarchy;         // of each system, as diffusion_hierarchy() makes it; may be null
  const double *f, *initial;  // initial may be null
  double* u;
};
/// residual_returned is not written: nothing is rounded.
template <class C>
void diffusion_solve(const DiffusionShape& shape, const DiffusionProblems<C>& problems,
                     const SolveOptions& options, const SolveReport& report,
                     const ParallelFor& parallel_for = {});

}  // namespace longtail::multigrid
