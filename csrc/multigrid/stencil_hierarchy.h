#pragma once
// The levels of an operator of varying coefficients, made by black_box.h in float64 and kept in
// memory that stencil_plan.h lays out, as float32 or float64.

#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "multigrid/black_box.h"
#include "multigrid/stencil_plan.h"

namespace longtail::multigrid {

/// Fills plan.numbers numbers, which are 0. The finest operator is symmetric and positive definite,
/// or, if `singular`, has constants in its null space.
template <class S>
void build_hierarchy(const Stencil& finest, const StencilPlan& plan, bool singular, S* memory);

template <class S>
struct StencilLevel {
  GridShape shape;
  StencilView<S> view;
  SharesView<S> shares;  // of the next coarser level; none on the coarsest
  GridShape coarse;
  S bound;
};

/// A look at such memory, which outlives it.
template <class S>
class StencilHierarchy {
 public:
  StencilHierarchy(const StencilPlan& plan, const S* memory);

  const std::vector<StencilLevel<S>>& levels() const { return levels_; }
  const S* coarsest_inverse() const { return inverse_; }

 private:
  std::vector<StencilLevel<S>> levels_;
  const S* inverse_;
};

}  // namespace longtail::multigrid
