// Transfers and the cycle of stencil_cycle.h.
#include "multigrid/stencil_cycle.h"

#include <algorithm>

#include "multigrid/dense.h"
#include "multigrid/stencil_passes.h"

namespace longtail::multigrid {
namespace {

template <class S>
void solve_coarsest(const StencilHierarchy<S>& hierarchy, S* u, const S* f) {
  const GridShape& shape = hierarchy.levels().back().shape;
  multiply_by_inverse(shape, hierarchy.coarsest_inverse(), u, f);
  wrap_ghosts(shape, u);
}

/// The same as a correction of u: where constants are in the null space, u keeps its own.
template <class S>
void correct_coarsest(const StencilHierarchy<S>& hierarchy, S* u, const S* f) {
  const StencilLevel<S>& level = hierarchy.levels().back();
  Grid<S> residual(level.shape), correction(level.shape);
  for (std::int64_t line = 0; line < level.shape.lines(); ++line) {
    stencil_kernels<S>().residual(level.view, u, f, line, residual.data() + level.shape.line(line));
  }
  solve_coarsest(hierarchy, correction.data(), residual.data());
  for (std::int64_t line = 0; line < level.shape.lines(); ++line) {
    const std::int64_t at = level.shape.line(line);
    for (std::int64_t x = at; x < at + level.shape.sizes[2]; ++x) u[x] += correction.data()[x];
  }
  wrap_ghosts(level.shape, u);
}

}  // namespace

template <class S>
void restrict_residual(const StencilLevel<S>& level, const S* u, const S* f, S* to_coarse,
                       const ParallelFor& parallel_for) {
  run_parallel(parallel_for, 0, level.coarse.lines(), row_grain(level.coarse),
               [&](std::int64_t begin, std::int64_t end) {
                 RestrictedLines<S> lines(level, u, f, to_coarse);
                 for (std::int64_t line = begin; line < end; ++line) lines.run(line);
               });
}

template <class S>
void prolong_and_add(const StencilLevel<S>& level, const S* from_coarse, S* u,
                     const ParallelFor& parallel_for) {
  run_passes_on(level.shape, u, {prolongation_pass(level, from_coarse, u)}, parallel_for);
}

template <class S>
StencilWorkspace<S>::StencilWorkspace(const StencilHierarchy<S>& hierarchy, Smoother smoother,
                                      std::size_t first) {
  for (std::size_t i = 0; i < hierarchy.levels().size(); ++i) {
    if (i < first) {
      memory_.emplace_back();
    } else {
      memory_.emplace_back(hierarchy.levels()[i].shape, smoother);
    }
  }
}

template <class S>
void v_cycle(const StencilHierarchy<S>& hierarchy, StencilWorkspace<S>& workspace, std::size_t i,
             bool zero, const StencilMethod& method, const ParallelFor& parallel_for) {
  S *const u = workspace.u(i), *const f = workspace.f(i);
  const StencilLevel<S>& level = hierarchy.levels()[i];
  if (i + 1 == hierarchy.levels().size()) {
    return zero ? solve_coarsest(hierarchy, u, f) : correct_coarsest(hierarchy, u, f);
  }
  const auto coarser = [&] { v_cycle(hierarchy, workspace, i + 1, true, method, parallel_for); };
  if (method.smoother == Smoother::colours && !level.shape.any_periodic()) {
    const S omega = static_cast<S>(method.omega);
    std::vector<Pass> down, up;
    if (zero) down.push_back(clearing_pass(level, u));
    add_sweeps(down, level, u, f, omega, method.before, method.reverse_before);
    down.push_back(restriction_pass(level, u, f, workspace.f(i + 1)));
    run_passes(down, lines_of(level.shape), parallel_for);
    coarser();
    up.push_back(prolongation_pass(level, workspace.u(i + 1), u));
    add_sweeps(up, level, u, f, omega, method.after, method.reverse_after);
    return run_passes(up, lines_of(level.shape), parallel_for);
  }
  if (zero) std::fill_n(u - origin_of<S>(level.shape), numbers_of<S>(level.shape), S(0));
  smooth(level, workspace.at(i), method, method.before, method.reverse_before, parallel_for);
  restrict_residual(level, u, f, workspace.f(i + 1), parallel_for);
  coarser();
  prolong_and_add(level, workspace.u(i + 1), u, parallel_for);
  smooth(level, workspace.at(i), method, method.after, method.reverse_after, parallel_for);
}

template class StencilWorkspace<float>;
template class StencilWorkspace<double>;
template void restrict_residual<float>(const StencilLevel<float>&, const float*, const float*,
                                       float*, const ParallelFor&);
template void prolong_and_add<float>(const StencilLevel<float>&, const float*, float*,
                                     const ParallelFor&);
template void v_cycle<float>(const StencilHierarchy<float>&, StencilWorkspace<float>&, std::size_t,
                             bool, const StencilMethod&, const ParallelFor&);
template void restrict_residual<double>(const StencilLevel<double>&, const double*, const double*,
                                        double*, const ParallelFor&);
template void prolong_and_add<double>(const StencilLevel<double>&, const double*, double*,
                                      const ParallelFor&);
template void v_cycle<double>(const StencilHierarchy<double>&, StencilWorkspace<double>&,
                              std::size_t, bool, const StencilMethod&, const ParallelFor&);

}  // namespace longtail::multigrid
