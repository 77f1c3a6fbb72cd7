#pragma once
// The steps of learned_cycle.h on the CPU, one after the other.

#include "core/parallel.h"
#include "multigrid/learned_cycle.h"

namespace longtail::multigrid {

/// Where places begin; those that a plan has no field in may be null.
struct CycleMemory {
  const float* f;
  const float* grad;
  const float* through;
  float* u;
  float* saved;
  float* scratch;
  float* df;

  float* of(Place place) const;
};

/// weights: as learned_cycle.h says, bias [channels] or null. dw: all gradients of weights, or null
/// where the plan has none.
void run_cycle(const CycleShape& shape, const CyclePlan& plan, const CycleMemory& memory,
               const float* weights, const float* bias, float* dw, const ParallelFor& parallel_for);

}  // namespace longtail::multigrid
