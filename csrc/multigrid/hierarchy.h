#pragma once
// The levels of -Laplace on a box, finest first: coefficients, transfers, and the inverse of the
// coarsest. Made once for a shape; a Workspace holds the values of one problem on all levels.
//
// An axis becomes coarser where its spacing is near the smallest of those that can (coarsening.h),
// so that points which are strongly coupled are the ones left out (Briggs, Henson and McCormick, "A
// Multigrid Tutorial", 2000, chapter 7: semicoarsening).

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/buffer.h"
#include "multigrid/axis.h"
#include "multigrid/grid_view.h"

namespace longtail::multigrid {

/// Axes of a box, outermost first: planes, rows, points; a flat one has one plane.
struct Box {
  std::array<Axis, 3> axes;
  bool flat;

  std::int64_t points() const { return axes[0].size * axes[1].size * axes[2].size; }
  std::int64_t lines() const { return axes[0].size * axes[1].size; }
  /// True if constants are in the null space.
  bool singular() const;
};

/// Of [rows, points] or [planes, rows, points].
Box make_box(const std::vector<Axis>& axes);

/// The next coarser box; nothing if this one has so few points that its inverse is a small matrix.
std::optional<Box> coarser(const Box& box);

/// By how much red-black Gauss-Seidel is over-relaxed on a level, so that a V(1,1)-cycle leaves
/// least. A grid that is coarser along more axes leaves more to it: 1, 1.14 and 1.2 for 1, 2 and 3
/// axes. (Along one alone a cycle is nearly cyclic reduction, which is exact without
/// over-relaxation.) Measured between sides of all kinds, vertices and cells, 15 to 1023 points an
/// axis and spacings of 1 to 100.
double over_relaxation(const Box& fine, const Box& coarse);

/// [n, n] for its n points, of the operator itself; where constants are in the null space, the
/// solution without them.
std::vector<double> inverse_of(const Box& box);

/// The transfers along an axis that does not become coarser.
Interpolation identity_up(std::int64_t size);
Restriction identity_down(std::int64_t size);

/// What is between a level and the next coarser one.
template <class S>
struct Transfers {
  InterpolationView<S> up[3];
  RestrictionView<S> down[3];
};

template <class S>
struct Level {
  Box box;
  GridShape shape;
  GridView<S> view;
  Transfers<S> transfers;  // none on the coarsest
  S omega = 1;             // over_relaxation; of no use on the coarsest
  // Rows of a flat box, else planes: the restricted residual of a coarse one needs so many of u
  // before and after the one in its middle, and one is the first whose middle is i or behind.
  std::int64_t reach = 0, coarse_lines = 0;
  std::int64_t first_coarse(std::int64_t i) const {
    const std::int64_t fine = box.axes[box.flat ? 1 : 0].size;
    return (2 * coarse_lines * i + fine - 1) / (2 * fine);
  }
};

template <class S>
class Hierarchy {
 public:
  /// With `finest_only` of one level, without an inverse.
  explicit Hierarchy(const Box& box, bool finest_only = false);
  Hierarchy(const Hierarchy&) = delete;

  const std::vector<Level<S>>& levels() const { return levels_; }
  /// [n, n] for the n points of the coarsest level; of a singular box the pseudo-inverse.
  const std::vector<S>& coarsest_inverse() const { return inverse_; }

 private:
  const S* keep(const std::vector<double>& numbers, std::int64_t padding);
  const std::int64_t* keep_points(std::vector<std::int64_t> points);
  void add_level(const Box& box);
  void connect(const Box& fine, const Box& coarse, Transfers<S>& transfers);

  std::vector<Level<S>> levels_;
  std::vector<S> inverse_;
  std::vector<std::vector<S>> numbers_;
  std::vector<std::vector<std::int64_t>> points_;
};

/// Values on all levels: u and f each, zeros at first, ghosts too.
template <class S>
class Workspace {
 public:
  explicit Workspace(const Hierarchy<S>& hierarchy);

  /// At point (0, 0, 0).
  S* u(std::size_t level) const { return u_[level]; }
  S* f(std::size_t level) const { return f_[level]; }

 private:
  Buffer memory_;
  std::vector<S*> u_, f_;
};

}  // namespace longtail::multigrid
