#pragma once
// How a level of a hierarchy lies in memory: plain structs that kernels of any CPU level read.
//
// A grid is planes of rows of points, [planes, rows, points]; a flat grid is one plane. Around the
// points lie ghosts, one on each side: 0, or copies of the opposite end of a periodic axis. Rows
// start on the boundary of a vector and have room for whole vectors behind their ghosts.

#include <cstdint>

#include "core/host_device.h"

namespace longtail::multigrid {

inline constexpr std::int64_t kRowAlignment = 64;  // bytes

struct Offset {
  int plane, row, point;
};

struct GridShape {
  bool flat;  // one plane, without neighbours
  std::int64_t sizes[3];
  bool periodic[3];
  std::int64_t row_stride, plane_stride;  // in numbers

  constexpr bool any_periodic() const { return periodic[0] || periodic[1] || periodic[2]; }
  constexpr std::int64_t lines() const { return sizes[0] * sizes[1]; }
  constexpr std::int64_t points() const { return sizes[0] * sizes[1] * sizes[2]; }
  constexpr std::int64_t at(std::int64_t plane, std::int64_t row, std::int64_t point) const {
    return plane * plane_stride + row * row_stride + point;
  }
  constexpr std::int64_t line(std::int64_t i) const { return at(i / sizes[1], i % sizes[1], 0); }
  constexpr std::int64_t step(Offset o) const { return at(o.plane, o.row, o.point); }
};

/// The second difference of an axis (axis.h); as of axis.h each array has `size` numbers, and of
/// the axis along a row zeros behind them, for whole vectors.
template <class S>
struct AxisView {
  std::int64_t size;
  bool periodic;
  const S *lower, *diagonal, *upper;
  /// Where the diagonal differs: 0 at the first point, 2 and 3 at the last two, 1 between.
  int kind(std::int64_t i) const { return i == 0 ? 0 : i + 2 < size ? 1 : i + 1 < size ? 2 : 3; }
  /// Its ends are neighbours of one colour in red-black order.
  LONGTAIL_INLINE bool odd_seam() const { return periodic && size > 1 && size % 2 == 1; }
  LONGTAIL_INLINE bool at_seam(std::int64_t i) const { return odd_seam() && i + 1 == size; }
};

/// Red-black Gauss-Seidel relaxes points turn by turn, 2 * colour + seam: red ones, whose indices
/// add up to an even number, before black ones, and of each colour those before that are the last
/// of an even number of axes with an odd seam. So no two points of a turn are neighbours. (Were
/// they, relaxed at once as in Jacobi's method, a cycle would leave 0.17 and not 0.06 to 0.1.)
inline constexpr int kTurns = 4;
/// From turn to turn: without an odd seam every other has no points.
LONGTAIL_HOST_DEVICE constexpr int turn_step(bool odd_seam) { return odd_seam ? 1 : 2; }

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
  std::int64_t row_stride, plane_stride;  // of a GridShape

  bool odd_seam() const { return planes.odd_seam() || rows.odd_seam() || points.odd_seam(); }
};

/// Coarse points [begin, end) whose weights are those of the first of them, of points two further
/// on for each: with the fine points 2 c and 2 c + 1 of an interpolation.
struct Alike {
  std::int64_t begin, end;
};

/// Values between the points of a coarser axis, as Interpolation in axis.h.
template <class S>
struct InterpolationView {
  const std::int64_t* points[2];
  const S* weights[2];
  std::int64_t halved;  // so many coarse points are the usual ones, halved_points() of axis.h
  Alike alike;          // behind those
};
template <class S>
struct RestrictionView {
  const std::int64_t* points;
  const S* weights;
  std::int64_t halved;
  Alike alike;
};

}  // namespace longtail::multigrid
