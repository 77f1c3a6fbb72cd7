#pragma once
// -Laplace on boxes, and the transfers between them, as dense matrices.

#include <cstdint>

#include "dense_matrix.h"
#include "multigrid/hierarchy.h"

namespace longtail::multigrid {

using test::kron;
using test::Matrix;
using test::zeros;

/// -u'' between equal intervals, by what flows to each side.
inline Matrix by_flows(const Axis& axis) {
  Matrix result = zeros(axis.size, axis.size);
  const double unit = 1 / (axis.spacing * axis.spacing);
  for (std::int64_t i = 0; i < axis.size; ++i) {
    for (const int step : {-1, 1}) {
      const Side side = step < 0 ? axis.left : axis.right;
      const std::int64_t j = i + step;
      const bool inside = j >= 0 && j < axis.size;
      double weight = unit;
      // A vertex on a Neumann side has half of a volume.
      if (!axis.cell && ((i == 0 && axis.left == Side::neumann) ||
                         (i == axis.size - 1 && axis.right == Side::neumann))) {
        weight *= 2;
      }
      if (inside || side == Side::periodic) {
        result.at(i, i) += weight;
        result.at(i, (j + axis.size) % axis.size) -= weight;
      } else if (side == Side::dirichlet) {
        result.at(i, i) += axis.cell ? 2 * weight : weight;
      }
    }
  }
  return result;
}

inline Matrix dense(const Tridiagonal& along) {
  const auto n = static_cast<std::int64_t>(along.diagonal.size());
  Matrix result = zeros(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    result.at(i, i) += along.diagonal[i];
    result.at(i, (i + n - 1) % n) -= along.lower[i];
    result.at(i, (i + 1) % n) -= along.upper[i];
  }
  return result;
}

inline Matrix dense(const Interpolation& up, std::int64_t coarse) {
  const auto n = static_cast<std::int64_t>(up.points[0].size());
  Matrix result = zeros(n, coarse);
  for (std::int64_t i = 0; i < n; ++i) {
    for (int k = 0; k < 2; ++k) result.at(i, up.points[k][i]) += up.weights[k][i];
  }
  return result;
}

inline Matrix dense(const Restriction& down, std::int64_t fine) {
  const auto m = static_cast<std::int64_t>(down.points.size()) / kMostFine;
  Matrix result = zeros(m, fine);
  for (std::int64_t i = 0; i < m * kMostFine; ++i) {
    result.at(i / kMostFine, down.points[i]) += down.weights[i];
  }
  return result;
}

/// A of a box, out of the second differences of its axes.
inline Matrix operator_of(const Box& box) {
  Matrix result = zeros(box.points(), box.points());
  for (int d = box.flat ? 1 : 0; d < 3; ++d) {
    Matrix term = test::identity(1);
    for (int other = 0; other < 3; ++other) {
      term = kron(term, other == d ? dense(second_difference(box.axes[d]))
                                   : test::identity(box.axes[other].size));
    }
    for (std::size_t i = 0; i < term.entries.size(); ++i) result.entries[i] += term.entries[i];
  }
  return result;
}

struct Between {
  Matrix up, down;
};
inline Between transfers_of(const Box& fine, const Box& coarse) {
  bool all = true;
  for (int d = fine.flat ? 1 : 0; d < 3; ++d) all &= fine.axes[d].size != coarse.axes[d].size;
  Between result{test::identity(1), test::identity(1)};
  for (int d = 0; d < 3; ++d) {
    const Axis &from = fine.axes[d], &to = coarse.axes[d];
    const bool same = from.size == to.size;
    result.up =
        kron(result.up, same ? test::identity(from.size) : dense(interpolation(from, to), to.size));
    result.down = kron(result.down, same ? test::identity(from.size)
                                         : dense(restriction(from, to, all), from.size));
  }
  return result;
}

}  // namespace longtail::multigrid
