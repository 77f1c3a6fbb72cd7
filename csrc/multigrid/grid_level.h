#pragma once
// Kernels over rows of a grid, compiled per CPU level (grid.level.cpp). `u`, `f` and the like point
// at point (0, 0, 0) of a grid in the layout of grid_view.h. `line` counts rows of all planes:
// plane * rows.size + row.

#include "core/cpu_level.h"
#include "core/precisions.h"
#include "multigrid/grid_view.h"

namespace longtail::multigrid {

template <class S>
struct GridKernels {
  /// One turn of red-black Gauss-Seidel. Omega times the step; ghosts stay as they were.
  void (*relax)(const GridView<S>& grid, S* u, const S* f, std::int64_t line, std::int64_t count,
                int turn, S omega);

  /// The same of u = 0, which is not read and is written whole.
  void (*relax_zero)(const GridView<S>& grid, S* u, const S* f, std::int64_t line,
                     std::int64_t count, int turn, S omega);

  /// to = u + omega (f - A u) / diagonal for all points of a row.
  void (*jacobi)(const GridView<S>& grid, const S* u, const S* f, std::int64_t line, S omega,
                 S* to);

  /// to = f - A u for a row; returns the sum of its squares.
  double (*residual)(const GridView<S>& grid, const S* u, const S* f, std::int64_t line, S* to);

  /// A row onto the points of a coarser one: restricted along itself.
  void (*restrict_row)(const RestrictionView<S>& axis, std::int64_t coarse_size, const S* from,
                       S* to);

  /// to += values between the points of a coarser row, which is the sum of count rows, weights[i]
  /// times rows[i]; scratch has room for it.
  void (*prolong_row)(const InterpolationView<S>& axis, std::int64_t fine_size,
                      std::int64_t coarse_size, int count, const S* weights, const S* const* rows,
                      S* scratch, S* to);

  /// to = the sum of count rows, weights[i] times rows[i].
  void (*combine)(std::int64_t size, int count, const S* weights, const S* const* rows, S* to);
};

struct AllGridKernels : BothPrecisions<GridKernels> {
  /// The residual of float64 for a cycle in float32: rounded, and the sum of squares before that.
  double (*residual_to_float32)(const GridView<double>& grid, const double* u, const double* f,
                                std::int64_t line, float* to);
  /// u += e for a row; with `zero` u is 0, whatever stands there.
  void (*add_float32)(std::int64_t size, const float* e, bool zero, double* u);
};

LONGTAIL_DECLARE_PER_LEVEL(AllGridKernels, kGridKernels)

}  // namespace longtail::multigrid
