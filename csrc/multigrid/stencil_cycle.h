#pragma once
// Smoothers and V-cycles on the levels of an operator of varying coefficients.
//
// All methods are linear: u becomes M u + N f with M = I - N A. A method in reverse, colours and
// order, has the transposed N, which is what gradients need; one that is its own reverse has a
// symmetric N, which conjugate gradients need. Bits do not depend on the number of threads.

#include "multigrid/stencil_hierarchy.h"
#include "multigrid/stencil_passes.h"

namespace longtail::multigrid {

/// What a level computes with, all in its layout and 0 at first.
template <class S>
struct LevelMemory {
  LevelMemory() = default;
  LevelMemory(const GridShape& shape, Smoother smoother) : u(shape), f(shape) {
    if (smoother == Smoother::colours) return;
    residual = Grid<S>(shape);
    direction = Grid<S>(shape);
  }

  Grid<S> u, f;
  Grid<S> residual, direction;  // not for colours
};

/// Values on the levels from `first` on.
template <class S>
class StencilWorkspace {
 public:
  StencilWorkspace(const StencilHierarchy<S>& hierarchy, Smoother smoother, std::size_t first = 0);

  LevelMemory<S>& at(std::size_t level) { return memory_[level]; }
  S* u(std::size_t level) { return memory_[level].u.data(); }
  S* f(std::size_t level) { return memory_[level].f.data(); }

 private:
  std::vector<LevelMemory<S>> memory_;
};

/// memory.u, whose ghosts are as they should be, towards A u = memory.f.
template <class S>
void smooth(const StencilLevel<S>& level, LevelMemory<S>& memory, const StencilMethod& method,
            int sweeps, bool reverse, const ParallelFor& parallel_for);

/// coarse = P^T (f - A u); without `u` P^T f. Of f as many points as the level has are read.
template <class S>
void restrict_residual(const StencilLevel<S>& level, const S* u, const S* f, S* coarse,
                       const ParallelFor& parallel_for);

/// u += P coarse, whose ghosts are as they should be.
template <class S>
void prolong_and_add(const StencilLevel<S>& level, const S* coarse, S* u,
                     const ParallelFor& parallel_for);

/// workspace.u(first) from itself and workspace.f(first). With `zero` u counts as 0.
template <class S>
void v_cycle(const StencilHierarchy<S>& hierarchy, StencilWorkspace<S>& workspace,
             std::size_t first, bool zero, const StencilMethod& method,
             const ParallelFor& parallel_for);

/// Rows that are worth a task.
inline std::int64_t row_grain(const GridShape& shape) {
  constexpr std::int64_t points = 1 << 14;
  return shape.sizes[2] < points ? points / shape.sizes[2] : 1;
}

template <class Visit>
void each_line(const GridShape& shape, const ParallelFor& parallel_for, const Visit& visit) {
  run_parallel(parallel_for, 0, shape.lines(), row_grain(shape),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t line = begin; line < end; ++line) visit(line);
               });
}

}  // namespace longtail::multigrid
