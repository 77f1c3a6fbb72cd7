#pragma once
// How a level of a hierarchy lies in memory: plain structs that kernels of any CPU level read.
//
// A grid is planes of rows of points, [planes, rows, points]; a flat grid is one plane. Around the
// points lie ghosts, one on each side: 0, or copies of the opposite end of a periodic axis. Rows
// start on the boundary of a vector and have room for whole vectors behind their ghosts.

#include <cstdint>

namespace longtail::multigrid {

inline constexpr std::int64_t kRowAlignment = 64;  // bytes

/// The second difference of an axis (axis.h); as of axis.h each array has `size` numbers, and of
/// the axis along a row zeros behind them, for whole vectors.
template <class S>
struct AxisView {
  std::int64_t size;
  bool periodic;
  const S *lower, *diagonal, *upper;
  /// Where the diagonal differs: 0 at the first point, 2 and 3 at the last two, 1 between.
  int kind(std::int64_t i) const { return i == 0 ? 0 : i + 2 < size ? 1 : i + 1 < size ? 2 : 3; }
};

/// 1 / (sum of the three diagonals) for each kind of row: [kind of plane][kind of row].
inline constexpr int kKinds = 4;
template <class S>
struct Reciprocals {
  const S* rows[kKinds][kKinds];
};

template <class S>
struct GridView {
  bool flat;  // one plane, whose axis has no neighbours
  AxisView<S> planes, rows, points;
  Reciprocals<S> reciprocals;
  std::int64_t row_stride, plane_stride;  // in numbers
};

/// Values between the points of a coarser axis, as Interpolation in axis.h.
template <class S>
struct InterpolationView {
  const std::int64_t* points[2];
  const S* weights[2];
  std::int64_t halved;  // so many coarse points are the usual ones, halved_points() of axis.h
};
template <class S>
struct RestrictionView {
  const std::int64_t* points;
  const S* weights;
  std::int64_t halved;
};

}  // namespace longtail::multigrid
