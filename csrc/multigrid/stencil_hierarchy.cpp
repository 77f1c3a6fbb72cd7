#include "multigrid/stencil_hierarchy.h"

#include <algorithm>
#include <cmath>

#include "multigrid/dense.h"

namespace longtail::multigrid {
namespace {

std::vector<double> inverse_of(const Stencil& a, bool singular) {
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
  if (!singular) return inverse_of_positive(std::move(matrix), n);
  for (double& each : matrix) each += largest / static_cast<double>(n);
  std::vector<double> result = inverse_of_positive(std::move(matrix), n);
  // Else what rounding leaves of a mean comes back as many times larger as 1 is than `largest`.
  remove_constants(result, std::vector<double>(n, 1.0));
  return result;
}

/// The largest sum of absolute entries of a row over its diagonal, which bounds the eigenvalues of
/// A over its diagonal (Gershgorin). Bounds that a power iteration finds come from below.
double gershgorin(const Stencil& a) {
  const GridShape& shape = a.shape;
  // Of a cross every diagonal is at least the sum of its weights, which are not negative.
  if (a.reach == Reach::flat_cross || a.reach == Reach::cross) return 2;
  const std::int64_t n = shape.sizes[2];
  double largest = 1;
  std::vector<double> around(n);
  for (std::int64_t line = 0; line < shape.lines(); ++line) {
    std::fill(around.begin(), around.end(), 0.0);
    for (const int offset : offsets_before(a.reach)) {
      const double* const weights = a.weights[offset].data() + shape.line(line);
      const double* const behind = weights - shape.step(offset_of(offset));
      for (std::int64_t x = 0; x < n; ++x) around[x] += std::abs(weights[x]) + std::abs(behind[x]);
    }
    const double* const centre = a.centre.data() + shape.line(line);
    for (std::int64_t x = 0; x < n; ++x) {
      // A division only where it is larger.
      if (around[x] > (largest - 1) * centre[x] && centre[x] > 0) {
        largest = 1 + around[x] / centre[x];
      }
    }
  }
  return largest;
}

/// Copies a grid with `value(number)`, and its ghosts where `to` has them.
template <class S, class Value>
void keep(const GridShape& from, const Grid<double>& grid, const GridShape& to, S* target,
          const Value& value) {
  for (std::int64_t line = 0; line < to.lines(); ++line) {
    const double* const source = grid.data() + from.line(line);
    S* const row = target + to.line(line);
    for (std::int64_t x = 0; x < to.sizes[2]; ++x) row[x] = static_cast<S>(value(source[x]));
  }
  wrap_ghosts(to, target);
}

template <class S>
void keep_stencil(const Stencil& a, const LevelPlan& plan, S* memory) {
  const auto same = [](double each) { return each; };
  const auto over = [](double each) { return each > 0 ? 1 / each : 0; };
  for (const int offset : offsets_before(a.reach)) {
    keep(a.shape, a.weights[offset], plan.shape, memory + plan.weights[offset], same);
  }
  keep(a.shape, a.centre, plan.shape, memory + plan.centre, same);
  keep(a.shape, a.centre, plan.shape, memory + plan.reciprocal, over);
  memory[plan.bound] = static_cast<S>(gershgorin(a));
}

template <class S>
void keep_shares(const Shares& shares, const LevelPlan& plan, const GridShape& coarse, S* memory) {
  for (int offset = 0; offset < 27; ++offset) {
    if (plan.share[offset] < 0) continue;
    keep(shares.coarse, shares.share[offset], coarse, memory + plan.share[offset],
         [](double each) { return each; });
  }
}

}  // namespace

template <class S>
void build_hierarchy(const Stencil& finest, const StencilPlan& plan, bool singular, S* memory) {
  const Stencil* current = &finest;
  Stencil coarse;
  for (std::size_t i = 0; i < plan.levels.size(); ++i) {
    const LevelPlan& level = plan.levels[i];
    keep_stencil(*current, level, memory);
    if (level.last) break;
    const Shares shares = black_box_shares(*current, level.halved);
    keep_shares(shares, level, plan.levels[i + 1].shape, memory);
    Stencil next = galerkin(*current, shares);
    coarse = std::move(next);
    current = &coarse;
  }
  const std::vector<double> inverse = inverse_of(*current, singular);
  for (std::size_t i = 0; i < inverse.size(); ++i) {
    memory[plan.inverse + static_cast<std::int64_t>(i)] = static_cast<S>(inverse[i]);
  }
}

template <class S>
StencilHierarchy<S>::StencilHierarchy(const StencilPlan& plan, const S* memory)
    : inverse_(memory + plan.inverse) {
  for (std::size_t i = 0; i < plan.levels.size(); ++i) {
    const StencilPointLevel<S> from = level_in(plan, i, memory);
    levels_.push_back(
        {from.stencil.shape, from.stencil, from.shares, from.coarse, /*bound=*/*from.bound});
  }
}

template void build_hierarchy<float>(const Stencil&, const StencilPlan&, bool, float*);
template void build_hierarchy<double>(const Stencil&, const StencilPlan&, bool, double*);
template class StencilHierarchy<float>;
template class StencilHierarchy<double>;

}  // namespace longtail::multigrid
