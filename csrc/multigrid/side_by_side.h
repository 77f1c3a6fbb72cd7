#pragma once
// -div(a grad u) = f on many small flat boxes at once: each problem in a lane of vectors of its
// own, so that short rows of coarse levels fill vectors too. For data: one f for all, cells, u = 0
// on all sides, harmonic faces.
//
// Conjugate gradients with a black-box V-cycle, both in float32; every few iterations the residual
// is replaced by that of the float64 iterate. A problem's result is a function of its coefficient
// and f alone: lanes do not see each other, and one that has converged stays as it is.

#include <cstdint>

#include "core/cpu_level.h"
#include "core/parallel.h"

namespace longtail::multigrid {

struct SideBySide {
  std::int64_t batch, rows, columns;
  double row_spacing, column_spacing;
  const double *a, *f;  // [batch, rows, columns], [rows, columns]
  double tolerance;
  int most_iterations;
  double* u;
  std::int64_t* iterations;
  double* residual;  // relative, of u in float64
};

/// Whether a grid is one of these: both axes become coarser together down to few points.
bool fits_side_by_side(std::int64_t rows, std::int64_t columns, double row_spacing,
                       double column_spacing);

void solve_side_by_side(const SideBySide& problems, const ParallelFor& parallel_for = {});

struct SideBySideKernels {
  int lanes;
  /// Bytes for a block of problems.
  std::int64_t (*memory)(std::int64_t rows, std::int64_t columns);
  /// Problems [first, first + lanes), as far as there are so many. Memory is all zeros, or was that
  /// of others of the same size: ghosts stay 0, and all else is written before it is read.
  void (*solve)(const SideBySide& problems, std::int64_t first, void* memory);
};

LONGTAIL_DECLARE_PER_LEVEL(SideBySideKernels, kSideBySideKernels)

}  // namespace longtail::multigrid
