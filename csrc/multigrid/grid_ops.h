#pragma once
// The operations of a multigrid method on batches of grids without ghosts, for callers that put
// methods together themselves; and A u out of the weights of faces (diffusion.h).

#include "multigrid/diffusion.h"

namespace longtail::multigrid {

/// Operators at one level of hierarchies: problem b of a batch has system b % systems.
template <class S>
struct GridOperators {
  const StencilPlan& plan;
  const S* memory;  // [systems, plan.numbers]
  std::int64_t systems;
  std::size_t level;
};

/// What an operation of a level does to its values.
struct GridWork {
  enum Kind { apply, smooth, cycle, restrict, prolong } kind;
  StencilMethod method{};  // of smooth as many sweeps as `before`
  bool reverse = false;    // of smooth
};

/// to = A u; [batch, points of the level].
template <class S>
void grid_apply(const GridOperators<S>& a, std::int64_t batch, const S* u, S* to,
                const ParallelFor& parallel_for = {});

/// to = what `steps` sweeps make of u, or of 0 where u is null.
template <class S>
void grid_smooth(const GridOperators<S>& a, const StencilMethod& method, int steps, bool reverse,
                 std::int64_t batch, const S* u, const S* f, S* to,
                 const ParallelFor& parallel_for = {});

/// to = what a V-cycle makes of u, or of 0.
template <class S>
void grid_cycle(const GridOperators<S>& a, const StencilMethod& method, std::int64_t batch,
                const S* u, const S* f, S* to, const ParallelFor& parallel_for = {});

/// to = P^T r, of the next coarser level, which there must be.
template <class S>
void grid_restrict(const GridOperators<S>& a, std::int64_t batch, const S* r, S* to,
                   const ParallelFor& parallel_for = {});

/// to = P e, e of the next coarser level.
template <class S>
void grid_prolong(const GridOperators<S>& a, std::int64_t batch, const S* e, S* to,
                  const ParallelFor& parallel_for = {});

/// to = A u by faces[axis] [systems, ..., size + 1 along the axis, ...].
template <class S>
void diffusion_apply(const DiffusionShape& shape, std::int64_t systems, const S* const faces[3],
                     std::int64_t batch, const S* u, S* to, const ParallelFor& parallel_for = {});

}  // namespace longtail::multigrid
