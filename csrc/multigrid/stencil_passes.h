#pragma once
// What a cycle of stencil_cycle.h does to a level, as passes over its lines.

#include <vector>

#include "multigrid/passes.h"
#include "multigrid/recent.h"
#include "multigrid/stencil_hierarchy.h"
#include "multigrid/stencil_level.h"
#include "multigrid/sweeps.h"

namespace longtail::multigrid {

/// Kernels of this machine.
template <class S>
const StencilKernels<S>& stencil_kernels();

/// The restricted residual, or without `u` the restricted f: a coarse line at a time. Residuals of
/// fine lines are computed where they are used first, so that sums have one order.
template <class S>
class RestrictedLines {
 public:
  RestrictedLines(const StencilLevel<S>& level, const S* u, const S* f, S* to_coarse);

  void run(std::int64_t coarse_line);
  /// The coarse line that lies in a fine one, or -1.
  std::int64_t inside(std::int64_t fine_line) const;

 private:
  const S* residual(std::int64_t fine_line);

  const StencilLevel<S>& level_;
  const S *u_, *f_;
  S* to_;
  Recent<S, 16> rows_;  // more lines than one coarse line reads
};

/// u = 0, but for ghosts.
template <class S>
Pass clearing_pass(const StencilLevel<S>& level, S* u);

/// Sweeps by colours.
template <class S>
void add_sweeps(std::vector<Pass>& passes, const StencilLevel<S>& level, S* u, const S* f, S omega,
                int sweeps, bool reverse);

/// Of a grid without periodic axes: to_coarse = P^T (f - A u).
template <class S>
Pass restriction_pass(const StencilLevel<S>& level, const S* u, const S* f, S* to_coarse);

/// u += P from_coarse, whose ghosts are as they should be.
template <class S>
Pass prolongation_pass(const StencilLevel<S>& level, const S* from_coarse, S* u);

}  // namespace longtail::multigrid
