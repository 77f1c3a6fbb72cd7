#pragma once
// One axis of a grid of points or cells: its part of -Laplace, and how it is coarsened.
//
// An axis is a row of intervals of one length, `spacing`, of which the last may have another,
// `last` (the first, if it is a vertex axis whose only Dirichlet side is the left one: see below).
// Unknowns are at the ends of intervals (vertex) or at their middles (cell). Ends of the axis:
//
//   vertex   dirichlet  the end is no unknown: u = 0 there
//            neumann    the end is an unknown: u mirrored about it
//            periodic   the left end is an unknown, and is the right end too
//   cell     dirichlet  u = 0 at the end, half an interval away
//            neumann    nothing flows through the end
//            periodic   the first interval follows the last
//
// -u'' is what flows out of the volume of an unknown over that volume; inside, at equal spacing h,
// (2 u[i] - u[i - 1] - u[i + 1]) / h^2. (What the value at a boundary adds to the right-hand side
// is the caller's.) Times the volumes the operator is symmetric.
//
// A coarser axis joins intervals in twos. One that is left over stays as it is: next to a Dirichlet
// side, or between cells, a short interval does no harm, and every size converges as 2^k - 1 does
// (0.105 to 0.109 a cycle). It is joined to the last two where that converges better: of vertices
// without a Dirichlet side (0.11 instead of 0.23) if the last interval is then more like the
// others, and of periodic cells if their number would stay odd three times or more. (At most 0.13
// in 2-D, 0.18 where the other axis is ten times as far apart; 0.15 and 0.32 without.)
//
// The last interval between two vertices becomes a cell. Were its ends left, points that are
// strongly coupled would be apart on all levels below, where only other axes become coarser.

#include <cstdint>
#include <optional>
#include <vector>

namespace longtail::multigrid {

enum class Side { dirichlet, neumann, periodic };

/// A periodic axis is so on both sides. `cell`: unknowns in the middle of intervals.
struct Axis {
  std::int64_t size;  // unknowns
  double spacing;
  Side left, right;
  bool cell;
  double last = spacing;

  bool last_is_first() const { return !cell && left == Side::dirichlet && right == Side::neumann; }

  bool periodic() const { return left == Side::periodic; }
};

/// (A u)[i] = diagonal[i] u[i] - lower[i] u[i - 1] - upper[i] u[i + 1]; where there is no such
/// neighbour the coefficient is 0, and of a periodic axis the indices wrap around.
struct Tridiagonal {
  std::vector<double> lower, diagonal, upper, volume;
};
Tridiagonal second_difference(const Axis& axis);

/// Nothing if the axis has too few points to become coarser.
std::optional<Axis> coarser(const Axis& axis);

/// Linear values of `fine` out of `coarse`: u[i] = weights[0][i] v[points[0][i]] + the same of 1.
/// A point that is not needed has weight 0; beyond a Dirichlet side v is 0.
struct Interpolation {
  std::vector<std::int64_t> points[2];
  std::vector<double> weights[2];
};
Interpolation interpolation(const Axis& fine, const Axis& coarse);

/// v[c] = the sum over k < kMostFine of weights[c][k] u[points[c][k]]: the transpose of the
/// interpolation times volumes over volumes, or, if `joined`, of cells the mean of those joined.
/// The latter converges better where all axes become coarser (0.16 instead of 0.20 a cycle), the
/// former where some do not (0.07 instead of 0.37).
inline constexpr int kMostFine = 5;
struct Restriction {
  std::vector<std::int64_t> points;  // [coarse size][kMostFine]
  std::vector<double> weights;
};
Restriction restriction(const Axis& fine, const Axis& coarse, bool joined);

/// For how many coarse points, from the first on, the two above are the usual of vertices between
/// Dirichlet sides: weights 1/4, 1/2, 1/4 of points 2 c, 2 c + 1, 2 c + 2, and on the way up the
/// values themselves and means of two.
std::int64_t halved_points(const Axis& fine, const Axis& coarse);

}  // namespace longtail::multigrid
