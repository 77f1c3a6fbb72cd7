// What a Poisson call on the device needs besides its tensors: which levels there are and where
// everything lies in one piece of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "multigrid/box_math.h"
#include "multigrid/poisson.h"

namespace longtail::cuda {

// A problem of a batch while it is solved.
struct PoissonState {
  double size, mean, whole, residual;
  std::int64_t iterations;
  bool far;  // 0 is nearer to the solution than what was given to start from
};

struct PoissonOptions {
  double tolerance;
  int most_iterations;
  // Levels that fit so many bytes of shared memory are one kernel. Every GPU since sm_80 has them.
  std::int64_t shared_bytes = 96 << 10;
  int iterations_a_look = 4;  // after so many the host asks who is active
  // Up to so many points of a batch one kernel corrects u and relaxes red points, which computes
  // the correction of black ones again; with more the loads cost more than a launch. An estimate.
  std::int64_t most_fused = std::int64_t{1} << 17;
};

// Levels of the kernel that has them all in shared memory, passed by value.
constexpr int kMostSharedLevels = 12;

struct PoissonPlan {
  PoissonPlan(const multigrid::Box& box, std::int64_t batch, const PoissonOptions& options);

  std::int64_t batch;
  PoissonOptions options;
  double scale;
  std::vector<multigrid::Box> boxes;  // of steps of about 1, finest first
  std::int64_t first_shared;          // level; there always is one
  std::int64_t sums;                  // of blocks, for each problem
  std::int64_t shared_numbers() const;
};

// Pointers into such memory. Grids are [batch, points].
struct PoissonViews {
  multigrid::BoxView<double> exact;
  double* volumes[3];  // null unless constants are in the null space
  std::vector<multigrid::BoxLevel<float>> levels;
  float* inverse;
  // A cycle takes f[0] to v[0]; of the shared levels only the first is here, and has no u.
  std::vector<float*> f, u, v;
  double *right, *iterates[2], *sums;
  PoissonState* states;
  int* active;  // until it has converged: of each problem, and behind them of any

  // Returns how many bytes from `base` on they take.
  std::int64_t place(const PoissonPlan& plan, std::byte* base);
};

}  // namespace longtail::cuda
