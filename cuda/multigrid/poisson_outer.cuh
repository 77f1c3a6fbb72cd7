// Around the cycles: the iterate in float64, its residual, norms and means, who has converged.
#pragma once

#include "cuda/multigrid/poisson_cycle.cuh"

namespace longtail::cuda {

// f by its largest value; where there are volumes, their sum with it.
struct Volumes {
  const double* of[3];
  __device__ double at(const Place& p) const {
    return of[0][p.of[0]] * of[1][p.of[1]] * of[2][p.of[2]];
  }
};
// A size is so large that its inverse is a number.
constexpr double kLeastSize = 0x1p-1000;

template <class E>
__global__ void __launch_bounds__(kPointThreads)
    read_right(const __grid_constant__ PointTiles tiles, std::int64_t batch, std::int64_t points,
               const PoissonState* states, const E* f, const __grid_constant__ Volumes volumes,
               double* right, Sums sums) {
  each_problem(batch, [&](std::int64_t problem) {
    const double unit = 1 / states[problem].size;
    double mine = 0;
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      const double a = static_cast<double>(f[problem * points + i]) * unit;
      right[problem * points + i] = a;
      if (volumes.of[0] != nullptr) mine += volumes.at(at) * a;
    });
    if (volumes.of[0] != nullptr) put_sum(sums, problem, mine);
  });
}

// The right-hand side without its mean, its squares, and the first iterate and residual. `length`
// is that of a step squared.
template <class E>
__global__ void __launch_bounds__(kPointThreads)
    start(const __grid_constant__ PointTiles tiles, std::int64_t batch, std::int64_t points,
          const PoissonState* states, bool singular, double length, const E* initial, double* right,
          double* iterate, float* cycle_f, Sums sums) {
  each_problem(batch, [&](std::int64_t problem) {
    const double mean = singular ? states[problem].mean : 0;
    const double unit = 1 / states[problem].size / length;
    double mine = 0;
    each_point(tiles, [&](const Place&, std::int64_t p) {
      const std::int64_t i = problem * points + p;
      const double a = right[i] - mean;
      right[i] = a;
      cycle_f[i] = static_cast<float>(a);
      iterate[i] = initial != nullptr ? static_cast<double>(initial[i]) * unit : 0.0;
      mine += a * a;
    });
    put_sum(sums, problem, mine);
  });
}

// Starts at 0 where that is nearer than what was given.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    leave_far_starts(const __grid_constant__ PointTiles tiles, std::int64_t batch,
                     std::int64_t points, const PoissonState* states, const double* right,
                     double* iterate, float* cycle_f) {
  each_problem(batch, [&](std::int64_t problem) {
    if (!states[problem].far) return;
    each_point(tiles, [&](const Place&, std::int64_t p) {
      const std::int64_t i = problem * points + p;
      iterate[i] = 0;
      cycle_f[i] = static_cast<float>(right[i]);
    });
  });
}

// Two for each problem: the latest one, and where the next is written.
struct Iterates {
  double* of[2];
  __device__ double* latest(const PoissonState& state) const { return of[state.iterations % 2]; }
  __device__ double* next(const PoissonState& state) const {
    return of[(state.iterations + 1) % 2];
  }
};

// The next iterate is the latest, plus what the cycle found if `add`, and the residual of it.
template <bool Add>
__global__ void __launch_bounds__(kPointThreads)
    new_residual(const __grid_constant__ BoxView<double> box,
                 const __grid_constant__ PointTiles tiles, Batch batch, const PoissonState* states,
                 const __grid_constant__ Iterates iterates, const double* all_right,
                 const float* all_found, float* cycle_f, Sums sums) {
  each_active(batch, [&](std::int64_t problem) {
    const std::int64_t begin = problem * box.points();
    const PoissonState& state = states[problem];
    const double* const u = iterates.latest(state) + begin;
    double* const to = iterates.next(state) + begin;
    const float* const found = all_found + begin;
    const auto value = [&](const Place&, std::int64_t i) {
      if constexpr (Add) {
        return u[i] + static_cast<double>(found[i]);
      } else {
        return u[i];
      }
    };
    double mine = 0;
    each_point(tiles, [&](const Place& at, std::int64_t i) {
      const double rest = multigrid::residual_at(box, at, i, all_right[begin + i], value);
      if constexpr (Add) to[i] = value(at, i);
      cycle_f[begin + i] = static_cast<float>(rest);
      mine = fma(rest, rest, mine);
    });
    put_sum(sums, problem, mine);
  });
}

// By volume, of the latest iterates.
template <int = 0>
__global__ void __launch_bounds__(kPointThreads)
    sum_iterates(const __grid_constant__ PointTiles tiles, std::int64_t batch, std::int64_t points,
                 const PoissonState* states, const __grid_constant__ Volumes volumes,
                 const __grid_constant__ Iterates iterates, Sums sums) {
  each_problem(batch, [&](std::int64_t problem) {
    const double* const u = iterates.latest(states[problem]) + problem * points;
    double mine = 0;
    each_point(tiles, [&](const Place& at, std::int64_t i) { mine += volumes.at(at) * u[i]; });
    put_sum(sums, problem, mine);
  });
}

// The result. A rounded one goes back to its iterate, so that its residual can be found.
template <class E>
__global__ void __launch_bounds__(kPointThreads)
    write_result(const __grid_constant__ PointTiles tiles, std::int64_t batch, std::int64_t points,
                 const PoissonState* states, bool singular, double length,
                 const __grid_constant__ Iterates iterates, E* result) {
  each_problem(batch, [&](std::int64_t problem) {
    const PoissonState& state = states[problem];
    double* const u = iterates.latest(state) + problem * points;
    const double mean = singular ? state.mean : 0;
    const double factor = length * state.size, back = 1 / state.size / length;
    const bool nothing = state.whole == 0, unknown = state.whole != state.whole;
    each_point(tiles, [&](const Place&, std::int64_t i) {
      const double found = unknown ? state.whole : factor * (u[i] - mean);
      const E a = nothing ? E(0) : static_cast<E>(found);
      result[problem * points + i] = a;
      if constexpr (sizeof(E) < 8) u[i] = back * static_cast<double>(a);
    });
  });
}

enum class Found { size, mean, whole, first_residual, residual, returned };

struct Report {
  std::int64_t* iterations;
  double *residual, *returned;
};

// Puts a problem's sum into its state; one block a problem.
template <Found What>
__global__ void __launch_bounds__(kPointThreads)
    finish(std::int64_t batch, Sums sums, double volume, double tolerance, int most_iterations,
           PoissonState* states, int* active, Report report) {
  each_problem(batch, [&](std::int64_t problem) {
    PoissonState& state = states[problem];
    if (What == Found::residual && active[problem] == 0) return;
    const double total =
        What == Found::size ? whole_largest(sums, problem) : whole_sum(sums, problem);
    if (threadIdx.x != 0) return;
    if constexpr (What == Found::size) {
      state = {larger(total, kLeastSize), 0, 0, 0, 0, false};
    } else if constexpr (What == Found::mean) {
      state.mean = total / volume;
    } else if constexpr (What == Found::returned) {
      report.iterations[problem] = state.iterations;
      report.residual[problem] = state.residual;
      const double whole = state.whole;
      report.returned[problem] =
          whole > 0 && sums.blocks > 0 ? sqrt(total) / whole : state.residual;
    } else {
      if constexpr (What == Found::whole) {
        state.whole = sqrt(total);
        // 0, or nan where f has such.
        state.residual = state.whole == 0 ? 0 : state.whole / state.whole;
      } else {
        state.residual = state.whole == 0 ? 0 : sqrt(total) / state.whole;
        if constexpr (What == Found::first_residual) {
          state.far = !(state.residual <= 1);
          if (state.far) state.residual = 1;
        }
      }
      if constexpr (What == Found::residual) ++state.iterations;
      const double whole = state.whole;
      if (whole != whole) state.residual = whole;
      active[problem] = state.residual > tolerance && state.iterations < most_iterations ? 1 : 0;
    }
  });
}

}  // namespace longtail::cuda
