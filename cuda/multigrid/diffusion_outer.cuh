// Conjugate gradients around the cycles, in float64, of all problems of a batch side by side: their
// numbers are in DiffusionState. As csrc/multigrid/diffusion.cpp goes about one.
#pragma once

#include <cmath>

#include "cuda/multigrid/batch.cuh"
#include "cuda/multigrid/diffusion_plan.h"
#include "cuda/multigrid/stencil_kernels.cuh"

namespace longtail::cuda {

// What the steps share. `singular` is of systems, one for all problems or one each.
struct Diffusion {
  std::int64_t batch, points;
  bool many_systems;
  const int* singular;
  DiffusionState* states;
  __device__ bool without_mean(std::int64_t problem) const {
    return singular[many_systems ? problem : 0] != 0;
  }
};

// What is given comes in units of the largest of f, and the solution goes back from them.
template <bool Given>
__global__ void __launch_bounds__(kPointThreads)
    sum_values(const __grid_constant__ Diffusion of, const __grid_constant__ PointTiles tiles,
               const double* values, Sums sums) {
  each_problem(of.batch, [&](std::int64_t problem) {
    const double unit = Given ? 1 / of.states[problem].size : 1;
    double mine = 0;
    each_point(tiles, [&](const Place&, std::int64_t i) {
      mine += unit * values[problem * of.points + i];
    });
    put_sum(sums, problem, mine);
  });
}

// x = `from` without its mean, which is in state.shift, where constants are in the null space; 0 if
// there is nothing to solve, nan if that is no number.
template <bool Given>
__global__ void __launch_bounds__(kPointThreads)
    without_mean(const __grid_constant__ Diffusion of, const __grid_constant__ PointTiles tiles,
                 const double* from, double* x) {
  each_problem(of.batch, [&](std::int64_t problem) {
    const double mean = of.without_mean(problem) ? of.states[problem].shift : 0;
    const double whole = of.states[problem].whole;
    const double unit = Given ? 1 / of.states[problem].size : 1;
    const bool begins = from != nullptr && whole > 0;
    each_point(tiles, [&](const Place&, std::int64_t p) {
      const std::int64_t i = problem * of.points + p;
      x[i] = begins ? unit * from[i] - mean : 0 * whole;
    });
  });
}

template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    give_size_back(const __grid_constant__ Diffusion of, const __grid_constant__ PointTiles tiles,
                   double* x) {
  each_problem(of.batch, [&](std::int64_t problem) {
    const double size = of.states[problem].size;
    each_point(tiles, [&](const Place&, std::int64_t i) { x[problem * of.points + i] *= size; });
  });
}

// r = f without its mean, and its squares.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    read_diffusion(const __grid_constant__ Diffusion of, const __grid_constant__ PointTiles tiles,
                   const double* f, double* r, Sums sums) {
  each_problem(of.batch, [&](std::int64_t problem) {
    const double mean = of.states[problem].mean, unit = 1 / of.states[problem].size;
    double mine = 0;
    each_point(tiles, [&](const Place&, std::int64_t p) {
      const std::int64_t i = problem * of.points + p;
      r[i] = unit * f[i] - mean;
      mine = fma(r[i], r[i], mine);
    });
    put_sum(sums, problem, mine);
  });
}

// Starts at 0 where that is nearer than what was given.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    leave_far_starts(const __grid_constant__ Diffusion of, const __grid_constant__ PointTiles tiles,
                     const double* f, double* x, double* r) {
  each_problem(of.batch, [&](std::int64_t problem) {
    if (!of.states[problem].far) return;
    const double mean = of.states[problem].mean, unit = 1 / of.states[problem].size;
    each_point(tiles, [&](const Place&, std::int64_t p) {
      const std::int64_t i = problem * of.points + p;
      x[i] = 0;
      r[i] = unit * f[i] - mean;
    });
  });
}

// r = f - A x anew, its squares and its sum, of the problems in `batch`.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    true_residual(const __grid_constant__ Diffusion of,
                  const __grid_constant__ multigrid::StencilView<double> a, Systems systems,
                  const __grid_constant__ PointTiles tiles, Batch batch, const double* f,
                  const double* all_x, double* r, Sums sums, Sums totals) {
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * of.points, base = systems.base(problem);
    const double mean = of.states[problem].mean, unit = 1 / of.states[problem].size;
    const double* const x = all_x + start;
    double mine = 0, total = 0;
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      const Spot here = multigrid::spot_at(a.shape, base, at);
      const double rest = multigrid::stencil_residual(a, here, unit * f[start + i] - mean, x);
      r[start + i] = rest;
      mine = fma(rest, rest, mine);
      total += rest;
    });
    put_sum(sums, problem, mine);
    put_sum(totals, problem, total);
  });
}

// What the cycle is to precondition, by its norm so that it fits float32.
template <class C>
__global__ void __launch_bounds__(kPointThreads)
    narrow_residual(const __grid_constant__ Diffusion of, const __grid_constant__ PointTiles tiles,
                    Batch batch, const double* r, C* to) {
  each_active(batch, [&](std::int64_t problem) {
    const DiffusionState& state = of.states[problem];
    const double unit = 1 / (state.residual * state.whole);
    each_point(tiles, [&](const Place&, std::int64_t p) {
      const std::int64_t i = problem * of.points + p;
      to[i] = static_cast<C>((r[i] - state.drift) * unit);
    });
  });
}

// The sum of r z, z being what the cycle found.
template <class C>
__global__ void __launch_bounds__(kPointThreads)
    product_with_found(const __grid_constant__ Diffusion of,
                       const __grid_constant__ PointTiles tiles, Batch batch, const double* r,
                       const C* found, Sums sums) {
  each_active(batch, [&](std::int64_t problem) {
    const DiffusionState& state = of.states[problem];
    const double back = state.residual * state.whole;
    double mine = 0;
    each_point(tiles, [&](const Place&, std::int64_t p) {
      const std::int64_t i = problem * of.points + p;
      mine = fma(back * static_cast<double>(found[i]), r[i] - state.drift, mine);
    });
    put_sum(sums, problem, mine);
  });
}

// p = z + beta p.
template <class C>
__global__ void __launch_bounds__(kPointThreads)
    new_direction(const __grid_constant__ Diffusion of, const __grid_constant__ PointTiles tiles,
                  Batch batch, const C* found, double* p) {
  each_active(batch, [&](std::int64_t problem) {
    const DiffusionState& state = of.states[problem];
    const double back = state.residual * state.whole;
    each_point(tiles, [&](const Place&, std::int64_t at) {
      const std::int64_t i = problem * of.points + at;
      const double z = back * static_cast<double>(found[i]);
      // A first direction has none before it, and p is not yet written.
      p[i] = state.fresh ? z : z + state.beta * p[i];
    });
  });
}

// q = A p, the sum of p q and that of q.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    apply_to_direction(const __grid_constant__ Diffusion of,
                       const __grid_constant__ multigrid::StencilView<double> a, Systems systems,
                       const __grid_constant__ PointTiles tiles, Batch batch, const double* all_p,
                       double* q, Sums sums, Sums totals) {
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t start = problem * of.points, base = systems.base(problem);
    const double* const p = all_p + start;
    double mine = 0, total = 0;
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      const double applied = multigrid::stencil_applied(a, multigrid::spot_at(a.shape, base, at),
                                                        [&](std::int64_t j) { return p[j]; });
      q[start + i] = applied;
      mine = fma(p[i], applied, mine);
      total += applied;
    });
    put_sum(sums, problem, mine);
    put_sum(totals, problem, total);
  });
}

// A step along p, and the squares of what r is then. No step can reduce what rounding leaves of a
// mean, with which conjugate gradients diverge.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    step_along(const __grid_constant__ Diffusion of, const __grid_constant__ PointTiles tiles,
               Batch batch, const double* p, const double* q, double* x, double* r, Sums sums) {
  each_active(batch, [&](std::int64_t problem) {
    const double alpha = of.states[problem].alpha, drift = of.states[problem].step_drift;
    double mine = 0;
    each_point(tiles, [&](const Place&, std::int64_t at) {
      const std::int64_t i = problem * of.points + at;
      x[i] += alpha * p[i];
      r[i] -= alpha * q[i] + drift;
      mine = fma(r[i], r[i], mine);
    });
    put_sum(sums, problem, mine);
  });
}

enum class Step {
  size,
  mean,
  shift,
  whole,
  first_residual,
  product,
  curvature,
  residual,
  doubt,
  last
};

struct Limits {
  double tolerance;
  int most_iterations;
};
struct DiffusionReport {
  std::int64_t* iterations;
  double* residual;
};

// Puts a problem's sum into its state; one block a problem.
template <Step What>
__global__ void __launch_bounds__(kPointThreads)
    conclude(const __grid_constant__ Diffusion of, Batch batch, Sums sums, Sums totals,
             Limits limits, int* active, int* doubted, DiffusionReport report) {
  each_active(batch, [&](std::int64_t problem) {
    const double total =
        What == Step::size ? whole_largest(sums, problem) : whole_sum(sums, problem);
    constexpr bool drifts =
        What == Step::first_residual || What == Step::curvature || What == Step::doubt;
    const double drift = drifts && of.without_mean(problem)
                             ? whole_sum(totals, problem) / static_cast<double>(of.points)
                             : 0;
    if (threadIdx.x != 0) return;
    DiffusionState& state = of.states[problem];
    const double mean = total / static_cast<double>(of.points);
    const auto goes_on = [&] {
      return state.residual > limits.tolerance && state.iterations < limits.most_iterations;
    };
    if constexpr (What == Step::size) {
      state = {};
      state.fresh = true;
      const int exponent = total > 0 && total < HUGE_VAL ? ilogb(total) : 0;
      state.size = ldexp(1.0, exponent < -1000 ? -1000 : exponent > 1000 ? 1000 : exponent);
    } else if constexpr (What == Step::mean) {
      state.mean = of.without_mean(problem) ? mean : 0;
    } else if constexpr (What == Step::shift) {
      state.shift = mean;
    } else if constexpr (What == Step::whole) {
      state.whole = sqrt(total) + 0 * total;  // nan if that is infinite
      state.residual = state.whole == 0 ? 0 : state.whole != state.whole ? state.whole : 1;
      active[problem] = goes_on() ? 1 : 0;
      doubted[problem] = 0;
    } else if constexpr (What == Step::first_residual) {
      if (state.whole > 0) {
        state.residual = sqrt(total) / state.whole;
        state.far = !(state.residual <= 1);
        if (state.far) state.residual = 1;
        state.drift = state.far ? 0 : drift;
      }
      active[problem] = goes_on() ? 1 : 0;
    } else if constexpr (What == Step::product) {
      state.beta = state.fresh ? 0 : total / state.rho;
      state.rho = total;
    } else if constexpr (What == Step::curvature) {
      state.stopped = !(total > 0);
      state.alpha = total > 0 ? state.rho / total : 0;
      // r - drift - alpha (q - its mean)
      state.step_drift = state.drift - state.alpha * drift;
      state.drift = 0;
      state.fresh = false;
    } else if constexpr (What == Step::residual) {
      state.residual = sqrt(total) / state.whole;
      ++state.iterations;
      // What recursion says may differ from what is.
      doubted[problem] = state.residual <= limits.tolerance || state.stopped ? 1 : 0;
      active[problem] = doubted[problem] != 0 || goes_on() ? 1 : 0;
    } else if constexpr (What == Step::doubt) {
      state.residual = sqrt(total) / state.whole;
      state.drift = drift;
      state.fresh = true;
      doubted[problem] = 0;
      active[problem] = goes_on() && !state.stopped ? 1 : 0;
    } else {
      if (state.whole > 0) state.residual = sqrt(total) / state.whole;
      report.iterations[problem] = state.iterations;
      report.residual[problem] = state.residual;
    }
  });
}

}  // namespace longtail::cuda
