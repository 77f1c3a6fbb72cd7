// The smoothers of stencil_cycle.h.
#include <algorithm>

#include "multigrid/stencil_cycle.h"

namespace longtail::multigrid {
namespace {

template <class S>
void relax_colour(const StencilLevel<S>& level, S* u, const S* f, int colour, S omega,
                  const ParallelFor& parallel_for) {
  const GridShape& shape = level.shape;
  const bool cross = level.view.reach == Reach::flat_cross || level.view.reach == Reach::cross;
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

int colours(Reach reach) {
  switch (reach) {
    case Reach::flat_full:
      return 4;
    case Reach::full:
      return 8;
    default:
      return 2;
  }
}

/// d = kept d + scale (f - A u) / diagonal, u += d.
template <class S>
void step(const StencilLevel<S>& level, LevelMemory<S>& memory, double kept, double scale,
          const ParallelFor& parallel_for) {
  S *const u = memory.u.data(), *const r = memory.residual.data();
  const S* const f = memory.f.data();
  each_line(level.shape, parallel_for, [&](std::int64_t line) {
    stencil_kernels<S>().residual(level.view, u, f, line, r + level.shape.line(line));
  });
  each_line(level.shape, parallel_for, [&](std::int64_t line) {
    stencil_kernels<S>().step(level.view, r, line, static_cast<S>(kept), static_cast<S>(scale),
                              memory.direction.data(), u);
  });
  wrap_ghosts(level.shape, u);
}

/// The usual recursion (Saad, "Iterative Methods for Sparse Linear Systems", 2003, algorithm 12.1).
template <class S>
void chebyshev(const StencilLevel<S>& level, LevelMemory<S>& memory, int degree,
               const ParallelFor& parallel_for) {
  const double largest = static_cast<double>(level.bound), smallest = largest / 4;
  const double middle = (largest + smallest) / 2, radius = (largest - smallest) / 2;
  double rho = radius / middle;
  for (int i = 0; i < degree; ++i) {
    const double next = i == 0 ? rho : 1 / (2 * middle / radius - rho);
    if (i == 0) {
      step(level, memory, 0, 1 / middle, parallel_for);
    } else {
      step(level, memory, next * rho, 2 * next / radius, parallel_for);
    }
    rho = next;
  }
}

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
  switch (method.smoother) {
    case Smoother::colours: {
      const int count = colours(level.view.reach);
      for (int half = 0; half < count * sweeps; ++half) {
        const int colour = half % count;
        relax_colour(level, memory.u.data(), memory.f.data(), reverse ? count - 1 - colour : colour,
                     static_cast<S>(method.omega), parallel_for);
      }
      return;
    }
    case Smoother::jacobi:
      for (int i = 0; i < sweeps; ++i) step(level, memory, 0, method.omega, parallel_for);
      return;
    case Smoother::chebyshev:
      return chebyshev(level, memory, sweeps, parallel_for);
  }
}

template const StencilKernels<float>& stencil_kernels<float>();
template const StencilKernels<double>& stencil_kernels<double>();
template void smooth<float>(const StencilLevel<float>&, LevelMemory<float>&, const StencilMethod&,
                            int, bool, const ParallelFor&);
template void smooth<double>(const StencilLevel<double>&, LevelMemory<double>&,
                             const StencilMethod&, int, bool, const ParallelFor&);

}  // namespace longtail::multigrid
