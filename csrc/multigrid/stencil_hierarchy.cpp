#include "multigrid/stencil_hierarchy.h"

#include <algorithm>
#include <limits>

#include "multigrid/dense.h"

namespace longtail::multigrid {
namespace {

constexpr std::int64_t kFewPoints = 32;
constexpr double kSimilarSpacing = 1.25;

/// Which axes become coarser next; false if none can.
bool choose(const GridShape& shape, double spacings[3], bool halved[3]) {
  bool possible[3];
  double smallest = std::numeric_limits<double>::infinity();
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t n = shape.sizes[axis];
    possible[axis] = shape.periodic[axis] ? n >= 4 : n >= 2;
    if (axis == 0 && shape.flat) possible[axis] = false;
    if (possible[axis]) smallest = std::min(smallest, spacings[axis]);
  }
  bool any = false;
  for (int axis = 0; axis < 3; ++axis) {
    halved[axis] = possible[axis] && spacings[axis] <= kSimilarSpacing * smallest;
    if (halved[axis]) spacings[axis] *= 2;
    any = any || halved[axis];
  }
  return any;
}

std::vector<float> inverse_of(const Stencil& a, bool singular) {
  const GridShape& shape = a.shape;
  const std::int64_t n = shape.points();
  std::vector<double> matrix(n * n, 0.0);
  double largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t place[3] = {i / shape.sizes[2] / shape.sizes[1],
                                   i / shape.sizes[2] % shape.sizes[1], i % shape.sizes[2]};
    const std::int64_t at = shape.at(place[0], place[1], place[2]);
    matrix[i * n + i] += a.centre.data()[at];
    largest = std::max(largest, a.centre.data()[at]);
    for (const int offset : offsets_before(a.reach)) {
      const Offset o = offset_of(offset);
      const std::int64_t step[3] = {o.plane, o.row, o.point};
      std::int64_t j = 0;
      for (int axis = 0; axis < 3; ++axis) {
        const std::int64_t size = shape.sizes[axis];
        j = j * size + (place[axis] + step[axis] + size) % size;
      }
      const double weight = a.weights[offset].data()[at];  // 0 across an end
      matrix[i * n + j] -= weight;
      matrix[j * n + i] -= weight;
    }
  }
  if (singular) {
    for (double& each : matrix) each += largest / static_cast<double>(n);
  }
  const std::vector<double> inverse = inverse_of_positive(std::move(matrix), n);
  return {inverse.begin(), inverse.end()};
}

}  // namespace

StencilHierarchy::StencilHierarchy(const Stencil& finest, const double given_spacings[3],
                                   bool singular) {
  double spacings[3];
  std::copy_n(given_spacings, 3, spacings);
  const Stencil* current = &finest;
  Stencil coarse;
  bool halved[3];
  for (;;) {
    add_level(*current);
    if (current->shape.points() <= kFewPoints || !choose(current->shape, spacings, halved)) break;
    const Shares shares = black_box_shares(*current, halved);
    StencilLevel& level = levels_.back();
    level.coarse = shape_for<float>(shares.coarse.flat, shares.coarse.sizes, shares.coarse.periodic);
    for (int axis = 0; axis < 3; ++axis) level.shares.axes[axis] = shares.axes[axis];
    // Nothing is shared across a seam: there the ghosts stay 0.
    GridShape shared = shares.coarse;
    for (int axis = 0; axis < 3; ++axis) {
      shared.periodic[axis] = shared.periodic[axis] && !shares.axes[axis].seam;
    }
    for (int offset = 0; offset < 27; ++offset) {
      level.shares.share[offset] =
          shares.along(offset) ? keep(shared, shares.share[offset], false) : nullptr;
    }
    Stencil next = galerkin(*current, shares);
    coarse = std::move(next);
    current = &coarse;
  }
  inverse_ = inverse_of(*current, singular);
}

const float* StencilHierarchy::keep(const GridShape& from, const Grid<double>& grid,
                                    bool reciprocal) {
  const GridShape to = shape_for<float>(from.flat, from.sizes, from.periodic);
  Grid<float>& kept = grids_.emplace_back(to);
  for (std::int64_t line = 0; line < to.lines(); ++line) {
    const double* const source = grid.data() + from.line(line);
    float* const target = kept.data() + to.line(line);
    for (std::int64_t x = 0; x < to.sizes[2]; ++x) {
      const double a = reciprocal ? (source[x] > 0 ? 1 / source[x] : 0) : source[x];
      target[x] = static_cast<float>(a);
    }
  }
  wrap_ghosts(to, kept.data());
  return kept.data();
}

void StencilHierarchy::add_level(const Stencil& stencil) {
  StencilLevel level{};
  level.shape = shape_for<float>(stencil.shape.flat, stencil.shape.sizes, stencil.shape.periodic);
  level.view.shape = level.shape;
  level.view.reach = stencil.reach;
  for (const int offset : offsets_before(stencil.reach)) {
    level.view.weights[offset] = keep(stencil.shape, stencil.weights[offset], false);
  }
  level.view.centre = keep(stencil.shape, stencil.centre, false);
  level.view.reciprocal = keep(stencil.shape, stencil.centre, true);
  levels_.push_back(level);
}

StencilWorkspace::StencilWorkspace(const StencilHierarchy& hierarchy) {
  for (const StencilLevel& level : hierarchy.levels()) {
    u_.emplace_back(level.shape);
    f_.emplace_back(level.shape);
  }
}

}  // namespace longtail::multigrid
