#pragma once
// What a smoother of stencil_cycle.h does one after the other: the same on CPUs and GPUs, where the
// steps are kernels or pieces of one.

#include "core/host_device.h"
#include "multigrid/stencil_view.h"

namespace longtail::multigrid {

/// Gauss-Seidel by colours, points of one having no neighbours of their own: red and black for a
/// cross, else one for each combination of even and odd indices. Jacobi. Chebyshev: the polynomial
/// of the degree of `sweeps` that is smallest on [bound / 4, bound].
enum class Smoother { colours, jacobi, chebyshev };

struct StencilMethod {
  Smoother smoother = Smoother::colours;
  int before = 1, after = 1;                          // sweeps on the way down and up
  double omega = 1;                                   // not of chebyshev
  bool reverse_before = false, reverse_after = true;  // the last colour first
};

/// d = kept d + scale (f - A u) / diagonal, u += d.
struct MethodStep {
  double kept, scale;
  bool over_bound;  // scale is to be divided by the bound on eigenvalues

  template <class S>
  constexpr S scale_for(const S* bound) const {
    return static_cast<S>(over_bound ? scale / static_cast<double>(*bound) : scale);
  }
};

/// The usual recursion (Saad, "Iterative Methods for Sparse Linear Systems", 2003, algorithm 12.1)
/// on [1/4, 1] times the bound: the middle is 5/8 of it, the radius 3/8.
class Chebyshev {
 public:
  constexpr MethodStep next() {
    const double before = rho_;
    rho_ = first_ ? 0.6 : 1 / (10.0 / 3 - before);
    const MethodStep result{first_ ? 0 : rho_ * before, first_ ? 1.6 : rho_ * (16.0 / 3), true};
    first_ = false;
    return result;
  }

 private:
  double rho_ = 0;
  bool first_ = true;
};

/// How many of the colours of `sweeps` sweeps from u = 0 one kernel can do at once: of a cross
/// both, as black points see red ones only; else the first, whose points see zeros.
LONGTAIL_HOST_DEVICE constexpr int colours_at_once(const StencilMethod& method, Reach reach,
                                                   int sweeps) {
  if (method.smoother != Smoother::colours || method.omega != 1 || sweeps == 0) return 0;
  return is_cross(reach) ? 2 : 1;
}

/// Calls steps.move(MethodStep) for `sweeps` sweeps that move all points at once.
template <class Steps>
constexpr void run_moves(const StencilMethod& method, int sweeps, const Steps& steps) {
  Chebyshev chebyshev;
  for (int i = 0; i < sweeps; ++i) {
    const bool jacobi = method.smoother == Smoother::jacobi;
    steps.move(jacobi ? MethodStep{0, method.omega, false} : chebyshev.next());
  }
}

/// The same, or steps.relax(colour) for all colours but the first `done`.
template <class Steps>
constexpr void run_smoother(const StencilMethod& method, Reach reach, int sweeps, bool reverse,
                            int done, const Steps& steps) {
  if (method.smoother != Smoother::colours) return run_moves(method, sweeps, steps);
  const int count = colours_of(reach);
  for (int i = done; i < count * sweeps; ++i) {
    steps.relax(reverse ? count - 1 - i % count : i % count);
  }
}

}  // namespace longtail::multigrid
