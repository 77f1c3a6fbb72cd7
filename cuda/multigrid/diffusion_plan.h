// What a diffusion call on the device needs besides its tensors: which levels there are and where
// everything lies in one piece of memory. Grids have no ghosts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "multigrid/coarsening.h"
#include "multigrid/stencil_point.h"

// After what opens the level's namespace.
#include "multigrid/diffusion.h"

namespace longtail::cuda {

// A problem of a batch while it is solved. `shift`: the mean of what is being read.
struct DiffusionState {
  double whole, residual, rho, alpha, beta, mean, shift;
  std::int64_t iterations;
  bool fresh, stopped;  // conjugate gradients begin anew; found no direction any more
};

struct DiffusionOptions {
  double tolerance;
  int most_iterations;
  std::int64_t shared_bytes = 96 << 10;  // as of PoissonOptions
  int iterations_a_look = 4;
};

constexpr int kMostSharedStencils = 12;

struct DiffusionPlan {
  DiffusionPlan(const multigrid::DiffusionShape& shape, std::int64_t systems, std::int64_t batch,
                const DiffusionOptions& options);

  multigrid::DiffusionShape shape;
  std::int64_t systems, batch;
  DiffusionOptions options;
  // Without pointers. `coarse` and `shares.axes` of all but the coarsest.
  std::vector<multigrid::StencilPointLevel<float>> levels;
  std::int64_t first_shared;
  std::int64_t sums;  // of blocks, for each problem

  std::int64_t shared_numbers() const;
  bool odd_seam(std::int64_t level) const;
};

// Arrays of one system, and how many numbers it is to those of the next one.
template <class S>
struct StencilArrays {
  std::vector<multigrid::StencilPointLevel<S>> levels;
  std::int64_t system;

  // Counts numbers from `base` on.
  void place(const DiffusionPlan& plan, S* base);
};

// Pointers into such memory.
struct DiffusionViews {
  StencilArrays<double> exact;
  StencilArrays<float> narrow;
  float* inverse;  // [systems, n, n]
  int* singular;   // [systems]
  // Of levels down to the first shared one; a cycle takes f[0] to u[0]; `rest` is of any level.
  std::vector<float*> f, u;
  float* rest;
  double *residual, *direction, *product, *sums;
  DiffusionState* states;
  // [batch]: until it has converged, and behind them of any; whether its residual is in question.
  int *active, *doubted;

  std::int64_t place(const DiffusionPlan& plan, std::byte* base);
};

}  // namespace longtail::cuda
