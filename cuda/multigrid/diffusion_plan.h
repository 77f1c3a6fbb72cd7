// What a diffusion call on the device needs besides its tensors: which levels there are and where
// everything lies in one piece of memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/multigrid/cycle_plan.h"
#include "cuda/multigrid/hierarchies.h"
#include "multigrid/stencil_point.h"

// After what opens the level's namespace.
#include "multigrid/diffusion.h"

namespace longtail::cuda {

// A problem of a batch while it is solved. `shift`: the mean of what is being read.
struct DiffusionState {
  double size;  // a power of two, about the largest of f; all else is in units of it
  double whole, residual, rho, alpha, beta, mean, shift;
  std::int64_t iterations;
  bool fresh, stopped;  // conjugate gradients begin anew; found no direction any more
  bool far;             // 0 is nearer to the solution than what was given to start from
  // Means that rounding left, where constants are in the null space: of r until a step takes it,
  // and of what the step adds to r.
  double drift, step_drift;
};

struct DiffusionOptions {
  double tolerance;
  int most_iterations;
  std::int64_t shared_bytes = 96 << 10;  // as of PoissonOptions
  int iterations_a_look = 4;
};

// Cycles compute in C.
template <class C>
struct DiffusionPlan {
  // `given`: the levels of cycles are the caller's.
  DiffusionPlan(const multigrid::DiffusionShape& shape, std::int64_t systems, std::int64_t batch,
                const DiffusionOptions& options, bool given = false);
  DiffusionPlan(const DiffusionPlan&) = delete;

  multigrid::DiffusionShape shape;
  std::int64_t systems, batch;
  DiffusionOptions options;
  bool given;
  multigrid::StencilPlan wide, narrow;  // of float64 and C
  CyclePlan<C> cycle;
  std::int64_t sums;  // of blocks, for each problem

  std::int64_t points() const { return wide.levels[0].shape.points(); }
  // Numbers in float64 for each system: of all levels while they are made, else of the finest.
  std::int64_t wide_numbers() const { return given ? wide.levels[0].bound + 1 : wide.numbers; }
};

// Pointers into such memory. Values have no ghosts.
template <class C>
struct DiffusionViews {
  Hierarchies<double> wide;
  Hierarchies<C> narrow;  // memory null if it is given; if C is double, that of `wide`
  int* singular;          // [systems]
  C *cycle_f, *cycle_u;   // a cycle takes the one to the other
  CycleViews<C> cycle;
  double *residual, *direction, *product, *sums, *totals;
  DiffusionState* states;
  // [batch]: until it has converged, and behind them of any; whether its residual is in question.
  int *active, *doubted;

  std::int64_t place(const DiffusionPlan<C>& plan, std::byte* base);
};

}  // namespace longtail::cuda
