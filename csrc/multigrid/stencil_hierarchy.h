#pragma once
// The levels of an operator of varying coefficients, made by black_box.h in float64 and kept as
// float32 for cycles that precondition; and such a cycle.

#include <cstdint>
#include <vector>

#include "core/buffer.h"
#include "core/parallel.h"
#include "multigrid/black_box.h"

namespace longtail::multigrid {

struct StencilLevel {
  GridShape shape;  // for float
  StencilView<float> view;
  SharesView<float> shares;  // of the next coarser level; none on the coarsest
  GridShape coarse;
};

class StencilHierarchy {
 public:
  /// The finest operator, symmetric and positive definite, or, if `singular`, with constants in its
  /// null space; spacings of the axes tell which are strongly coupled.
  StencilHierarchy(const Stencil& finest, const double spacings[3], bool singular);
  StencilHierarchy(const StencilHierarchy&) = delete;

  const std::vector<StencilLevel>& levels() const { return levels_; }
  const std::vector<float>& coarsest_inverse() const { return inverse_; }

 private:
  const float* keep(const GridShape& from, const Grid<double>& grid, bool reciprocal);
  void add_level(const Stencil& stencil);

  std::vector<StencilLevel> levels_;
  std::vector<float> inverse_;
  std::vector<Grid<float>> grids_;
};

/// Values on all levels, zeros at first.
class StencilWorkspace {
 public:
  explicit StencilWorkspace(const StencilHierarchy& hierarchy);

  float* u(std::size_t level) { return u_[level].data(); }
  float* f(std::size_t level) { return f_[level].data(); }

 private:
  std::vector<Grid<float>> u_, f_;
};

/// workspace.u(0) from workspace.f(0) and zero: a symmetric V-cycle of one sweep down and one up,
/// colours in reverse order, so that it serves conjugate gradients. The same bits for any number of
/// threads.
void symmetric_cycle(const StencilHierarchy& hierarchy, StencilWorkspace& workspace,
                     const ParallelFor& parallel_for);

}  // namespace longtail::multigrid
