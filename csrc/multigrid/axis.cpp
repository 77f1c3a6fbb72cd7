#include "multigrid/axis.h"

#include <algorithm>
#include <cmath>

namespace longtail::multigrid {
namespace {

std::int64_t intervals(const Axis& axis) {
  if (axis.cell || axis.periodic()) return axis.size;
  const auto beyond = [](Side side) { return side == Side::dirichlet ? 1 : 0; };
  return axis.size - 1 + beyond(axis.left) + beyond(axis.right);
}

/// Lengths of the intervals.
std::vector<double> lengths(const Axis& axis) {
  std::vector<double> result(intervals(axis), axis.spacing);
  (axis.last_is_first() ? result.front() : result.back()) = axis.last;
  return result;
}

/// Where the unknowns lie, from the left end.
std::vector<double> positions(const Axis& axis) {
  const std::vector<double> length = lengths(axis);
  std::vector<double> result;
  double end = 0;
  if (!axis.cell && axis.left != Side::dirichlet) result.push_back(0);
  for (const double each : length) {
    result.push_back(axis.cell ? end + each / 2 : end + each);
    end += each;
  }
  result.resize(axis.size);  // without a right end that is none
  return result;
}

/// How far the neighbour before each unknown is, and the one behind; 0 where there is none.
struct Distances {
  std::vector<double> before, behind;
};
Distances distances(const Axis& axis) {
  const std::vector<double> length = lengths(axis);
  const std::int64_t n = axis.size, count = intervals(axis);
  Distances result{std::vector<double>(n), std::vector<double>(n)};
  for (std::int64_t i = 0; i < n; ++i) {
    if (axis.cell) {
      const double here = length[i] / 2;
      // At a Dirichlet side the value is on the face.
      const auto to = [&](bool at_end, Side side, std::int64_t other) {
        if (!at_end || axis.periodic()) return here + length[(other + n) % n] / 2;
        return side == Side::dirichlet ? here : 0.0;
      };
      result.before[i] = to(i == 0, axis.left, i - 1);
      result.behind[i] = to(i == n - 1, axis.right, i + 1);
    } else {
      const std::int64_t behind = i + (axis.left == Side::dirichlet ? 1 : 0);
      const std::int64_t before = behind - 1;
      result.behind[i] = behind < count ? length[behind] : 0;
      result.before[i] = before >= 0 ? length[before] : axis.periodic() ? length.back() : 0;
    }
  }
  return result;
}

bool is_dirichlet_end(const Axis& axis, std::int64_t i, bool left) {
  if (i != (left ? 0 : axis.size - 1)) return false;
  return (left ? axis.left : axis.right) == Side::dirichlet;
}

/// True if an interval that is left over becomes one with the last two.
bool joins_last(const Axis& axis) {
  if (axis.left == Side::dirichlet || axis.right == Side::dirichlet) return false;
  if (axis.cell) return axis.periodic() && axis.size % 8 == 1;
  const double coarse = 2 * axis.spacing;
  const auto unlike = [&](double last) { return std::abs(std::log(last / coarse)); };
  return unlike(coarse + axis.last) < unlike(axis.last);
}

}  // namespace

Tridiagonal second_difference(const Axis& axis) {
  const std::int64_t n = axis.size;
  const std::vector<double> length = lengths(axis);
  const auto [before, behind] = distances(axis);
  Tridiagonal result{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n),
                     std::vector<double>(n)};
  for (std::int64_t i = 0; i < n; ++i) {
    const double volume = axis.cell ? length[i] : (before[i] + behind[i]) / 2;
    const double lower = before[i] > 0 ? 1 / (before[i] * volume) : 0;
    const double upper = behind[i] > 0 ? 1 / (behind[i] * volume) : 0;
    result.volume[i] = volume;
    result.diagonal[i] = lower + upper;
    result.lower[i] = is_dirichlet_end(axis, i, true) ? 0 : lower;
    result.upper[i] = is_dirichlet_end(axis, i, false) ? 0 : upper;
  }
  // The only point of a periodic axis is its own neighbour.
  if (n == 1 && axis.periodic()) result.lower[0] = result.diagonal[0] = result.upper[0] = 0;
  return result;
}

std::optional<Axis> coarser(const Axis& axis) {
  const std::int64_t fine = intervals(axis);
  // The last interval between vertices that are no boundary becomes a cell.
  if (fine == 1 && axis.size == 2) return Axis{1, axis.last, axis.left, axis.right, true};
  Axis result = axis;
  result.spacing = 2 * axis.spacing;
  std::int64_t coarse = (fine + 1) / 2;
  result.last = fine % 2 == 0 ? axis.spacing + axis.last : axis.last;
  if (fine % 2 == 1 && coarse > 1 && joins_last(axis)) {
    result.last = result.spacing + axis.last;
    --coarse;
  }
  if (coarse == 1) result.spacing = result.last;
  result.size = coarse + axis.size - fine;
  if (result.size < 1 || result.size >= axis.size) return std::nullopt;
  return result;
}

Interpolation interpolation(const Axis& fine, const Axis& coarse) {
  Interpolation result;
  for (int k = 0; k < 2; ++k) {
    result.points[k].resize(fine.size);
    result.weights[k].resize(fine.size);
  }
  const std::vector<double> at = positions(fine), from = positions(coarse);
  const auto [before, behind] = distances(coarse);
  const std::int64_t m = coarse.size;
  std::int64_t right = 0;  // the first coarse point that is not left of the fine one
  for (std::int64_t i = 0; i < fine.size; ++i) {
    // Both are sums of the same few lengths; a part in 10^9 of one is a rounding error.
    while (right < m && from[right] < at[i] - 1e-9 * fine.spacing) ++right;
    std::int64_t left = right - 1;
    double share;  // of the right one
    if (right == 0) {
      share = before[0] > 0 ? 1 - (from[0] - at[i]) / before[0] : 1;
    } else {
      const double distance = behind[left];
      share = distance > 0 ? (at[i] - from[left]) / distance : 0;
    }
    if (right < m && std::abs(from[right] - at[i]) <= 1e-9 * fine.spacing) share = 1;
    double weights[2] = {1 - share, share};
    std::int64_t points[2] = {left, right};
    for (int k = 0; k < 2; ++k) {
      if (points[k] >= 0 && points[k] < m) continue;
      points[k] =
          fine.periodic() ? (points[k] + m) % m : std::clamp<std::int64_t>(points[k], 0, m - 1);
      if (!fine.periodic()) weights[k] = 0;  // on the boundary, 0
    }
    for (int k = 0; k < 2; ++k) {
      result.points[k][i] = points[k];
      result.weights[k][i] = weights[k];
    }
  }
  return result;
}

Restriction restriction(const Axis& fine, const Axis& coarse, bool joined) {
  const std::vector<double> fine_volume = second_difference(fine).volume;
  const std::vector<double> coarse_volume = second_difference(coarse).volume;
  const std::int64_t m = coarse.size;
  Restriction result{std::vector<std::int64_t>(m * kMostFine, 0),
                     std::vector<double>(m * kMostFine, 0.0)};
  std::vector<int> used(m, 0);
  const auto add = [&](std::int64_t c, std::int64_t i, double weight) {
    const std::int64_t to = c * kMostFine + used[c]++;
    result.points[to] = i;
    result.weights[to] = weight * fine_volume[i] / coarse_volume[c];
  };
  if (fine.cell && joined) {
    for (std::int64_t i = 0; i < fine.size; ++i) add(std::min(i / 2, m - 1), i, 1);
    return result;
  }
  const Interpolation up = interpolation(fine, coarse);
  for (std::int64_t i = 0; i < fine.size; ++i) {
    // The only point of a periodic axis may be on either side.
    const bool both = up.points[0][i] == up.points[1][i];
    if (both) add(up.points[0][i], i, up.weights[0][i] + up.weights[1][i]);
    for (int k = 0; k < 2; ++k) {
      if (!both && up.weights[k][i] != 0) add(up.points[k][i], i, up.weights[k][i]);
    }
  }
  return result;
}

std::int64_t halved_points(const Axis& fine, const Axis& coarse) {
  if (fine.cell || fine.left != Side::dirichlet || fine.last_is_first()) return 0;
  if (fine.size == 2 * coarse.size + 1 && fine.last == fine.spacing &&
      fine.right == Side::dirichlet) {
    return coarse.size;
  }
  return std::max<std::int64_t>(0, coarse.size - 2);  // the last points are near the other interval
}

}  // namespace longtail::multigrid
