#pragma once
// Kernels over lines of a grid for operators of varying coefficients, compiled per CPU level
// (stencil.level.cpp). Pointers are at point (0, 0, 0); `line` counts rows of all planes.

#include "core/cpu_level.h"
#include "multigrid/stencil_view.h"

namespace longtail::multigrid {

template <class S>
struct StencilKernels {
  /// Gauss-Seidel of every other point of a row, the first of them `first`; with `zero` u is 0.
  void (*relax)(const StencilView<S>& a, S* u, const S* f, std::int64_t line, int first);

  /// to = f - A u for a row.
  void (*residual)(const StencilView<S>& a, const S* u, const S* f, std::int64_t line, S* to);

  /// to = A u for a row; returns the sum of u A u along it.
  double (*apply)(const StencilView<S>& a, const S* u, std::int64_t line, S* to);

  /// A row of the coarse right-hand side: to[c] += the shares of `from`, the fine row at offset
  /// (plane, row) from the coarse one, whose shares these are, from point (that line, 0) on.
  void (*restrict_row)(const SharesView<S>& shares, int plane, int row, std::int64_t at,
                       std::int64_t coarse_size, std::int64_t fine_size, const S* from, S* to);

  /// The way back: to += shares of coarse values `from`, a row.
  void (*prolong_row)(const SharesView<S>& shares, int plane, int row, std::int64_t at,
                      std::int64_t coarse_size, std::int64_t fine_size, const S* from, S* to);
};

struct AllStencilKernels {
  StencilKernels<double> float64;
  StencilKernels<float> float32;
};

LONGTAIL_DECLARE_PER_LEVEL(AllStencilKernels, kStencilKernels)

}  // namespace longtail::multigrid
