#include "multigrid/hierarchy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "multigrid/coarsening.h"
#include "multigrid/dense.h"
#include "multigrid/grid_memory.h"

namespace longtail::multigrid {
namespace {

/// The matrix of a box times volumes, symmetric, and the volumes.
struct Symmetric {
  std::vector<double> matrix, volume;
};
Symmetric symmetric_matrix(const Box& box) {
  const std::int64_t n = box.points();
  Symmetric result{std::vector<double>(n * n, 0.0), std::vector<double>(n, 1.0)};
  const std::int64_t steps[3] = {box.axes[1].size * box.axes[2].size, box.axes[2].size, 1};
  for (int d = box.flat ? 1 : 0; d < 3; ++d) {
    const Axis& axis = box.axes[d];
    const Tridiagonal along = second_difference(axis);
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t at = i / steps[d] % axis.size;
      const std::int64_t start = i - at * steps[d];
      const auto neighbour = [&](std::int64_t j) {
        return start + (j + axis.size) % axis.size * steps[d];
      };
      result.volume[i] *= along.volume[at];
      result.matrix[i * n + i] += along.diagonal[at];
      result.matrix[i * n + neighbour(at - 1)] -= along.lower[at];
      result.matrix[i * n + neighbour(at + 1)] -= along.upper[at];
    }
  }
  for (std::int64_t i = 0; i < n * n; ++i) result.matrix[i] *= result.volume[i / n];
  return result;
}

/// How far fine points are from the middle of their coarse one, at most.
template <class S>
std::int64_t reach_of(const RestrictionView<S>& down, std::int64_t coarse, std::int64_t fine) {
  std::int64_t reach = 0;
  for (std::int64_t i = 0; i < coarse * kMostFine; ++i) {
    const std::int64_t middle = (2 * (i / kMostFine) + 1) * fine / (2 * coarse);
    if (down.weights[i] != 0) reach = std::max(reach, std::abs(down.points[i] - middle));
  }
  return reach;
}

/// The longest run that `follows` from its second point on; it begins behind `first`, as the points
/// at the ends of an axis are others.
template <class Follows>
Alike run_of(std::int64_t first, std::int64_t size, const Follows& follows) {
  Alike result{first + 1, first + 1};
  if (result.begin >= size) return {size, size};
  do {
    ++result.end;
  } while (result.end < size && follows(result.end, result.begin));
  return result;
}

template <class S>
Alike alike(const RestrictionView<S>& down, std::int64_t coarse) {
  return run_of(down.halved, coarse, [&](std::int64_t c, std::int64_t first) {
    for (int k = 0; k < kMostFine; ++k) {
      const std::int64_t here = c * kMostFine + k, there = first * kMostFine + k;
      if (down.weights[here] != down.weights[there]) return false;
      const bool moved = down.points[here] == down.points[there] + 2 * (c - first);
      if (down.weights[here] != 0 && !moved) return false;
    }
    return true;
  });
}

template <class S>
Alike alike(const InterpolationView<S>& up, std::int64_t fine, std::int64_t coarse) {
  return run_of(up.halved, std::min(coarse, fine / 2), [&](std::int64_t c, std::int64_t first) {
    for (int k = 0; k < 4; ++k) {
      const std::int64_t here = 2 * c + k / 2, there = 2 * first + k / 2;
      if (up.weights[k % 2][here] != up.weights[k % 2][there]) return false;
      if (up.points[k % 2][here] != up.points[k % 2][there] + c - first) return false;
    }
    return true;
  });
}

}  // namespace

std::optional<Box> coarser(const Box& box) {
  if (box.points() <= kFewPoints) return std::nullopt;
  std::array<std::optional<Axis>, 3> candidates;
  double smallest = std::numeric_limits<double>::infinity();
  for (int d = box.flat ? 1 : 0; d < 3; ++d) {
    candidates[d] = coarser(box.axes[d]);
    if (candidates[d]) smallest = std::min(smallest, box.axes[d].spacing);
  }
  Box result = box;
  bool any = false;
  for (int d = 0; d < 3; ++d) {
    if (!candidates[d] || box.axes[d].spacing > kSimilarSpacing * smallest) continue;
    result.axes[d] = *candidates[d];
    any = true;
  }
  return any ? std::optional<Box>(result) : std::nullopt;
}

double over_relaxation(const Box& fine, const Box& coarse) {
  int halved = 0;
  for (int d = 0; d < 3; ++d) halved += fine.axes[d].size != coarse.axes[d].size ? 1 : 0;
  return halved == 3 ? 1.2 : halved == 2 ? 1.14 : 1;
}

std::vector<double> inverse_of(const Box& box) {
  Symmetric system = symmetric_matrix(box);
  const std::int64_t n = box.points();
  const std::vector<double>& volume = system.volume;
  if (box.singular()) {
    // What is added to constants is of the size of the matrix, whatever the volumes are.
    double largest = 0, squares = 0;
    for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, system.matrix[i * n + i]);
    for (const double each : volume) squares += each * each;
    for (std::int64_t i = 0; i < n * n; ++i) {
      system.matrix[i] += largest / squares * volume[i / n] * volume[i % n];
    }
  }
  std::vector<double> result = inverse_of_positive(std::move(system.matrix), n);
  for (std::int64_t i = 0; i < n * n; ++i) result[i] *= volume[i % n];
  if (box.singular()) remove_constants(result, volume);
  return result;
}

Interpolation identity_up(std::int64_t size) {
  Interpolation result;
  for (int k = 0; k < 2; ++k) {
    result.points[k].resize(size);
    result.weights[k].assign(size, k == 0 ? 1.0 : 0.0);
    for (std::int64_t i = 0; i < size; ++i) result.points[k][i] = i;
  }
  return result;
}

Restriction identity_down(std::int64_t size) {
  Restriction result{std::vector<std::int64_t>(size * kMostFine),
                     std::vector<double>(size * kMostFine, 0.0)};
  for (std::int64_t i = 0; i < size * kMostFine; ++i) result.points[i] = i / kMostFine;
  for (std::int64_t i = 0; i < size; ++i) result.weights[i * kMostFine] = 1;
  return result;
}

bool Box::singular() const {
  const auto open = [](const Axis& axis) {
    return axis.left != Side::dirichlet && axis.right != Side::dirichlet;
  };
  return (flat || open(axes[0])) && open(axes[1]) && open(axes[2]);
}

Box make_box(const std::vector<Axis>& axes) {
  if (axes.size() == 3) return {{axes[0], axes[1], axes[2]}, false};
  // The one plane of a flat box; nothing looks across it.
  const Axis plane{1, 1.0, Side::neumann, Side::neumann, true};
  return {{plane, axes[0], axes[1]}, true};
}

template <class S>
Hierarchy<S>::Hierarchy(const Box& box, bool finest_only) {
  if (finest_only) {
    add_level(box);
    return;
  }
  for (std::optional<Box> next = box; next; next = coarser(*next)) add_level(*next);
  for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
    connect(levels_[i].box, levels_[i + 1].box, levels_[i].transfers);
    const int across = box.flat ? 1 : 0;
    levels_[i].coarse_lines = levels_[i + 1].box.axes[across].size;
    levels_[i].reach = 1 + reach_of(levels_[i].transfers.down[across], levels_[i].coarse_lines,
                                    levels_[i].box.axes[across].size);
    levels_[i].omega = static_cast<S>(over_relaxation(levels_[i].box, levels_[i + 1].box));
  }
  const std::vector<double> inverse = inverse_of(levels_.back().box);
  inverse_.assign(inverse.begin(), inverse.end());
}

template <class S>
const S* Hierarchy<S>::keep(const std::vector<double>& numbers, std::int64_t padding) {
  std::vector<S> kept(numbers.begin(), numbers.end());
  kept.resize(numbers.size() + padding, S(0));
  return numbers_.emplace_back(std::move(kept)).data();
}

template <class S>
const std::int64_t* Hierarchy<S>::keep_points(std::vector<std::int64_t> points) {
  return points_.emplace_back(std::move(points)).data();
}

template <class S>
void Hierarchy<S>::add_level(const Box& box) {
  const std::int64_t sizes[3] = {box.axes[0].size, box.axes[1].size, box.axes[2].size};
  const bool periodic[3] = {!box.flat && box.axes[0].periodic(), box.axes[1].periodic(),
                            box.axes[2].periodic()};
  Level<S> level{box, shape_for<S>(box.flat, sizes, periodic), {}, {}};
  GridView<S>& view = level.view;
  view.flat = box.flat;
  AxisView<S>* const views[3] = {&view.planes, &view.rows, &view.points};
  std::vector<double> diagonals[3];
  for (int d = 0; d < 3; ++d) {
    const Axis& axis = box.axes[d];
    Tridiagonal along = second_difference(axis);
    if (d == 0 && box.flat) along = {{0.0}, {0.0}, {0.0}, {1.0}};
    constexpr std::int64_t padding = kAlignedNumbers<S>;
    *views[d] = {axis.size, axis.periodic(), keep(along.lower, padding),
                 keep(along.diagonal, padding), keep(along.upper, padding)};
    diagonals[d] = along.diagonal;
  }
  // Any index of that kind.
  const auto at_kind = [](const std::vector<double>& all, int kind) {
    const auto size = static_cast<std::int64_t>(all.size());
    const std::int64_t index[kKinds] = {0, 1, size - 2, size - 1};
    return all[std::clamp<std::int64_t>(index[kind], 0, size - 1)];
  };
  for (int plane = 0; plane < kKinds; ++plane) {
    for (int row = 0; row < kKinds; ++row) {
      const double across = at_kind(diagonals[0], plane) + at_kind(diagonals[1], row);
      std::vector<double> reciprocal = diagonals[2];
      // One cell between Neumann sides of all axes has no equation: it stays as it is.
      for (double& each : reciprocal) each = each + across > 0 ? 1 / (each + across) : 0;
      view.reciprocals.rows[plane][row] = keep(reciprocal, kAlignedNumbers<S>);
    }
  }
  view.row_stride = level.shape.row_stride;
  view.plane_stride = level.shape.plane_stride;
  levels_.push_back(level);
}

template <class S>
void Hierarchy<S>::connect(const Box& fine, const Box& coarse, Transfers<S>& transfers) {
  const auto stays = [&](int d) { return fine.axes[d].size == coarse.axes[d].size; };
  const bool all = !(stays(1) || stays(2) || (!fine.flat && stays(0)));
  for (int d = 0; d < 3; ++d) {
    const Axis &from = fine.axes[d], &to = coarse.axes[d];
    const bool same = from.size == to.size;
    const Interpolation up = same ? identity_up(from.size) : interpolation(from, to);
    const Restriction down = same ? identity_down(from.size) : restriction(from, to, all);
    const std::int64_t halved = same ? 0 : halved_points(from, to);
    transfers.up[d] = {{keep_points(up.points[0]), keep_points(up.points[1])},
                       {keep(up.weights[0], 0), keep(up.weights[1], 0)},
                       halved,
                       {}};
    transfers.down[d] = {keep_points(down.points), keep(down.weights, 0), halved, {}};
    if (same) continue;
    transfers.up[d].alike = alike(transfers.up[d], from.size, to.size);
    transfers.down[d].alike = alike(transfers.down[d], to.size);
  }
}

template <class S>
Workspace<S>::Workspace(const Hierarchy<S>& hierarchy) {
  // Origins lie inside of the pieces: of a layout without memory they would be no pointers.
  Layout sizes;
  for (const Level<S>& level : hierarchy.levels()) {
    for (int field = 0; field < 2; ++field) sizes.place<S>(numbers_of<S>(level.shape));
  }
  memory_ = Buffer(sizes.size());
  std::fill_n(memory_.as<std::byte>(), sizes.size(), std::byte{0});
  Layout places(memory_.as<std::byte>());
  for (const Level<S>& level : hierarchy.levels()) {
    for (std::vector<S*>* const of : {&u_, &f_}) {
      of->push_back(places.place<S>(numbers_of<S>(level.shape)) + origin_of<S>(level.shape));
    }
  }
}

template class Hierarchy<float>;
template class Hierarchy<double>;
template class Workspace<float>;
template class Workspace<double>;

}  // namespace longtail::multigrid
