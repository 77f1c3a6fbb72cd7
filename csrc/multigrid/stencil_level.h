#pragma once
// Kernels over lines of a grid for operators of varying coefficients, compiled per CPU level
// (stencil.level.cpp). Pointers are at point (0, 0, 0); `line` counts rows of all planes.

#include "core/cpu_level.h"
#include "core/precisions.h"
#include "multigrid/stencil_view.h"

namespace longtail::multigrid {

template <class S>
struct StencilKernels {
  /// Gauss-Seidel of every other point of a row, the first of them `first`, omega times as far.
  void (*relax)(const StencilView<S>& a, S* u, const S* f, std::int64_t line, int first, S omega);

  /// to = f - A u for a row.
  void (*residual)(const StencilView<S>& a, const S* u, const S* f, std::int64_t line, S* to);

  /// One row of a step of a method with memory: d = kept d + scale r / diagonal, u += d. The rows
  /// of r and d are those of u.
  void (*step)(const StencilView<S>& a, const S* r, std::int64_t line, S kept, S scale, S* d, S* u);

  /// to = A u for a row; returns the sum of u A u along it.
  double (*apply)(const StencilView<S>& a, const S* u, std::int64_t line, S* to);

  /// to = what flows out of each point through its faces: weight times difference.
  void (*flow)(const FaceLine<S>& line, S* to);

  /// A row of the coarse right-hand side: to[c] += the shares of `from`, the fine row at offset
  /// (plane, row) from the coarse one, whose shares these are, from point (that line, 0) on.
  void (*restrict_row)(const SharesView<S>& shares, int plane, int row, std::int64_t at,
                       std::int64_t coarse_size, std::int64_t fine_size, const S* from, S* to);

  /// The way back: to += shares of coarse values `from`, a row.
  void (*prolong_row)(const SharesView<S>& shares, int plane, int row, std::int64_t at,
                      std::int64_t coarse_size, std::int64_t fine_size, const S* from, S* to);
};

LONGTAIL_DECLARE_PER_LEVEL(BothPrecisions<StencilKernels>, kStencilKernels)

}  // namespace longtail::multigrid
