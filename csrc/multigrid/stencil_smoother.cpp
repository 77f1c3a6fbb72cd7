// The smoothers of stencil_cycle.h.
#include "multigrid/stencil_cycle.h"
#include "multigrid/stencil_passes.h"

namespace longtail::multigrid {
namespace {

/// The steps of run_moves() on the CPU.
template <class S>
struct LevelSteps {
  const StencilLevel<S>& level;
  LevelMemory<S>& memory;
  const ParallelFor& parallel_for;

  void move(const MethodStep& step) const {
    S *const u = memory.u.data(), *const r = memory.residual.data();
    const S* const f = memory.f.data();
    const S kept = static_cast<S>(step.kept), scale = step.scale_for(&level.bound);
    each_line(level.shape, parallel_for, [&](std::int64_t line) {
      stencil_kernels<S>().residual(level.view, u, f, line, r + level.shape.line(line));
    });
    each_line(level.shape, parallel_for, [&](std::int64_t line) {
      stencil_kernels<S>().step(level.view, r, line, kept, scale, memory.direction.data(), u);
    });
    wrap_ghosts(level.shape, u);
  }
};

}  // namespace

template <class S>
void smooth(const StencilLevel<S>& level, LevelMemory<S>& memory, const StencilMethod& method,
            int sweeps, bool reverse, const ParallelFor& parallel_for) {
  if (method.smoother == Smoother::colours) {
    S* const u = memory.u.data();
    std::vector<Pass> passes;
    add_sweeps(passes, level, u, memory.f.data(), static_cast<S>(method.omega), sweeps, reverse);
    return run_passes_on(level.shape, u, passes, parallel_for);
  }
  const LevelSteps<S> steps{level, memory, parallel_for};
  run_moves(method, sweeps, steps);
}

template void smooth<float>(const StencilLevel<float>&, LevelMemory<float>&, const StencilMethod&,
                            int, bool, const ParallelFor&);
template void smooth<double>(const StencilLevel<double>&, LevelMemory<double>&,
                             const StencilMethod&, int, bool, const ParallelFor&);

}  // namespace longtail::multigrid
