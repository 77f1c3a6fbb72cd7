#pragma once
// A V-cycle of red-black Gauss-Seidel on the levels of a hierarchy.
//
// The passes over a level follow each other row by row (passes.h). Each row is written by one task
// and reads what the colour before left, so that bits do not depend on the number of threads.

#include "core/parallel.h"
#include "multigrid/grid_level.h"
#include "multigrid/hierarchy.h"
#include "multigrid/passes.h"

namespace longtail::multigrid {

struct CycleOptions {
  int before = 1, after = 1;  // sweeps of both colours on the way down and up
  double omega = 0;           // over-relaxation; 0: as over_relaxation() says of each level
  bool symmetric = false;     // the turns in reverse on the way up: for conjugate gradients
};

/// One turn after the other (grid_view.h), `sweeps` times; `reverse`: the last one first. With
/// `zero`, u is 0.
template <class S>
void smooth(const Level<S>& level, S* u, const S* f, int sweeps, S omega, bool reverse, bool zero,
            const ParallelFor& parallel_for);

/// coarse_f = the restricted residual of u.
template <class S>
void restrict_residual(const Level<S>& level, const Level<S>& coarse, const S* u, const S* f,
                       S* coarse_f, const ParallelFor& parallel_for);

/// u += the interpolated coarse_u, ghosts included.
template <class S>
void prolong_and_add(const Level<S>& level, const Level<S>& coarse, const S* coarse_u, S* u,
                     const ParallelFor& parallel_for);

/// workspace.u(0) from workspace.f(0); with `zero` u(0) counts as 0 and need not be. Made once for
/// many cycles, and refers to its arguments. `behind`: passes over the lines of the finest level
/// that follow the last sweep, of boxes without periodic axes.
template <class S>
class VCycle {
 public:
  VCycle(const Hierarchy<S>& hierarchy, const Workspace<S>& workspace, bool zero,
         const CycleOptions& options, const std::vector<Pass>& behind = {});
  void run(const ParallelFor& parallel_for) const;

 private:
  const Hierarchy<S>& hierarchy_;
  const Workspace<S>& workspace_;
  std::vector<std::vector<Pass>> down_, up_;  // of each level but the coarsest
  std::vector<Pass> behind_coarsest_;         // if there is no other
};

template <class S>
void v_cycle(const Hierarchy<S>& hierarchy, const Workspace<S>& workspace, bool zero,
             const CycleOptions& options, const ParallelFor& parallel_for) {
  VCycle<S>(hierarchy, workspace, zero, options).run(parallel_for);
}

}  // namespace longtail::multigrid
