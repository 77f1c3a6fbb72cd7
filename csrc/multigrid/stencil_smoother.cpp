// The smoothers of stencil_cycle.h.
#include <algorithm>

#include "multigrid/stencil_cycle.h"

namespace longtail::multigrid {
namespace {

template <class S>
void relax_colour(const StencilLevel<S>& level, S* u, const S* f, int colour, S omega,
                  const ParallelFor& parallel_for) {
  const GridShape& shape = level.shape;
  const bool cross = is_cross(level.view.reach);
  each_line(shape, parallel_for, [&](std::int64_t line) {
    const std::int64_t plane = line / shape.sizes[1], row = line % shape.sizes[1];
    if (cross) {
      const int first = static_cast<int>((plane + row + colour) % 2);
      stencil_kernels<S>().relax(level.view, u, f, line, first, omega);
    } else if (plane % 2 == colour / 4 && row % 2 == colour / 2 % 2) {
      stencil_kernels<S>().relax(level.view, u, f, line, colour % 2, omega);
    }
  });
  wrap_ghosts(shape, u);
}

/// The steps of run_smoother() on the CPU.
template <class S>
struct LevelSteps {
  const StencilLevel<S>& level;
  LevelMemory<S>& memory;
  S omega;
  const ParallelFor& parallel_for;

  void relax(int colour) const {
    relax_colour(level, memory.u.data(), memory.f.data(), colour, omega, parallel_for);
  }
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
const StencilKernels<S>& stencil_kernels() {
  static constexpr PerLevel<const AllStencilKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kStencilKernels);
  if constexpr (sizeof(S) == 8) {
    return levels[cpu_level()]->float64;
  } else {
    return levels[cpu_level()]->float32;
  }
}

template <class S>
void smooth(const StencilLevel<S>& level, LevelMemory<S>& memory, const StencilMethod& method,
            int sweeps, bool reverse, const ParallelFor& parallel_for) {
  const LevelSteps<S> steps{level, memory, static_cast<S>(method.omega), parallel_for};
  run_smoother(method, level.view.reach, sweeps, reverse, 0, steps);
}

template const StencilKernels<float>& stencil_kernels<float>();
template const StencilKernels<double>& stencil_kernels<double>();
template void smooth<float>(const StencilLevel<float>&, LevelMemory<float>&, const StencilMethod&,
                            int, bool, const ParallelFor&);
template void smooth<double>(const StencilLevel<double>&, LevelMemory<double>&,
                             const StencilMethod&, int, bool, const ParallelFor&);

}  // namespace longtail::multigrid
