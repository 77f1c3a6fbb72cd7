// What a smoother or a V-cycle on the device needs besides its tensors: room for the levels below.
#pragma once

#include <cstdint>
#include <vector>

#include "core/buffer.h"
#include "multigrid/stencil_plan.h"
#include "multigrid/sweeps.h"

namespace longtail::cuda {

// Levels of the kernel that has them all in shared memory, passed by value.
constexpr int kMostSharedStencils = 12;

struct CycleOptions {
  multigrid::StencilMethod method{};
  bool deep = true;                      // cycles, not only smoothers
  std::int64_t shared_bytes = 96 << 10;  // as of PoissonOptions
};

template <class S>
struct CyclePlan {
  CyclePlan(const multigrid::StencilPlan& plan, std::int64_t first, std::int64_t batch,
            const CycleOptions& options);

  const multigrid::StencilPlan& plan;
  std::int64_t first, batch;  // from which level on
  CycleOptions options;
  std::int64_t first_shared;  // there always is one, unless cycles are not wanted

  const multigrid::GridShape& shape(std::int64_t level) const { return plan.levels[level].shape; }
  bool remembers() const { return options.method.smoother == multigrid::Smoother::chebyshev; }
  // Of the levels that are in shared memory together.
  std::int64_t shared_numbers() const;
};

// Pointers into such memory. The first level's u and f are the caller's.
template <class S>
struct CycleViews {
  std::vector<S*> f, u;  // of levels behind the first one, down to the first shared one
  S *rest, *direction;   // of any large level; direction null if nothing is remembered

  void place(const CyclePlan<S>& plan, Layout& layout);
};

}  // namespace longtail::cuda
