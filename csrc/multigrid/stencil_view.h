#pragma once
// Symmetric operators of varying coefficients on a grid, and how their levels lie in memory.
//
// (A u)[i] = centre[i] u[i] - sum over offsets o of weight(i, o) u[i + o], where the offsets reach
// the next point along each axis, or along several at once. As A is symmetric, only the weights of
// offsets that lead to a point earlier in memory are kept: weight(i, -o) is weight(i - o, o).
// A cross has offsets along one axis at a time: the finest level. Layout and ghosts are those of
// grid_view.h; arrays of weights have them too, and are 0 (or wrap around) beyond the grid.

#include <array>
#include <cstdint>

#include "multigrid/grid_view.h"

namespace longtail::multigrid {

/// Offsets (plane, row, point) in memory order from (-1, -1, -1); 13 is (0, 0, 0).
inline constexpr int kCentre = 13;
inline constexpr int offset_index(int plane, int row, int point) {
  return 9 * (plane + 1) + 3 * (row + 1) + point + 1;
}
inline constexpr Offset offset_of(int index) {
  return {index / 9 - 1, index / 3 % 3 - 1, index % 3 - 1};
}

/// Which offsets an operator has.
enum class Reach { flat_cross, flat_full, cross, full };
inline constexpr bool is_cross(Reach reach) {
  return reach == Reach::flat_cross || reach == Reach::cross;
}
/// Points of one colour have no neighbours of their own: red and black for a cross; else a colour
/// for each combination of even and odd indices.
inline constexpr int colours_of(Reach reach) {
  return is_cross(reach) ? 2 : reach == Reach::flat_full ? 4 : 8;
}

template <class S>
struct StencilView {
  GridShape shape;
  Reach reach;
  const S* weights[kCentre];  // null where the operator has no such offset
  const S *centre, *reciprocal;
};

/// Of an axis that becomes coarser, coarse point c is fine point 2 c + first; else they are the
/// same. A periodic one of odd size has a seam: its last coarse point is fine point 0, next to fine
/// point 1, the first, so that every other point lies between two coarse ones. The short interval
/// is then the one that closes the coarse ring, which the next seam, one further, joins to another:
/// none gets shorter than half of others, however many levels are odd.
struct CoarseAxis {
  bool halved, seam;
  std::int64_t first;

  /// That of the last one across a seam is the size of the axis, which wraps around to 0.
  constexpr std::int64_t fine(std::int64_t c) const { return halved ? 2 * c + first : c; }

  /// The same place as fine() has it.
  constexpr std::int64_t unwrapped(std::int64_t at, std::int64_t size) const {
    return seam && at == 0 ? size : at;
  }
};

/// Whether a ring of two points becomes one along an axis. Either way around leads from one to the
/// other, so that what flows between them stays within the one: it has no neighbours there.
constexpr bool ring_closes(const CoarseAxis& axis, const GridShape& coarse, int number) {
  return axis.halved && coarse.periodic[number] && coarse.sizes[number] == 1;
}

/// What the offset to a point of such a ring may be called as well: the other point is in front and
/// `behind`. 2 where that would be a second name of the point itself.
constexpr int around_two(int offset, bool behind) {
  if (offset % 2 == 0) return behind ? 2 : 0;
  return behind ? 1 : -1;
}

/// Values between coarse points: share[o][c] is that of coarse point c in the fine point at offset
/// o from it. Arrays in the layout of the coarse grid; null at offsets that are along an axis which
/// does not become coarser, and at (0, 0, 0), where the share is 1. Between the two coarse points
/// at a seam nothing lies: their shares there are 0.
template <class S>
struct SharesView {
  CoarseAxis axes[3];
  const S* share[27];
};

/// A level of an operator and what is between it and the next coarser one, if there is one.
template <class S>
struct StencilPointLevel {
  StencilView<S> stencil;
  SharesView<S> shares;
  GridShape coarse;
  const S* bound;  // one number, of which no eigenvalue of A over its diagonal is larger
};

/// A row of a grid without ghosts and the faces of its points: in front of and behind it along
/// other axes, `faces` and what is `beyond` them, null for 0; and along it, one more than points.
template <class S>
struct FaceLine {
  std::int64_t size;
  bool periodic;
  int count;
  const S *faces[4], *beyond[4];
  const S *along, *u;
};

}  // namespace longtail::multigrid
