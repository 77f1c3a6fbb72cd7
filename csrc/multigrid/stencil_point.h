#pragma once
// An operator of varying coefficients at one point, and the transfers of one point: for kernels
// that give each point to a thread. The formulas of stencil.level.cpp and stencil_cycle.cpp with
// their sums in the same order, so that the bits are the same.
//
// Values lie without ghosts, [planes, rows, points]; the arrays of an operator as its shape says,
// with ghosts, of which none is read.

#include "multigrid/box_math.h"
#include "multigrid/stencil_view.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {

/// From a point to the next one along an axis, in numbers.
struct Strides {
  std::int64_t plane, row;
};
LONGTAIL_INLINE Strides strides_of(const GridShape& shape) {
  return {shape.plane_stride, shape.row_stride};
}
LONGTAIL_INLINE Strides value_strides(const GridShape& shape) {
  return {shape.sizes[1] * shape.sizes[2], shape.sizes[2]};
}
LONGTAIL_INLINE std::int64_t index_in(const Strides& strides, const Place& at) {
  return at.of[0] * strides.plane + at.of[1] * strides.row + at.of[2];
}
/// In the arrays of an operator.
LONGTAIL_INLINE std::int64_t index_at(const GridShape& shape, const Place& at) {
  return index_in(strides_of(shape), at);
}

/// i on an axis that may be periodic; -1 beyond an end.
LONGTAIL_INLINE std::int64_t wrapped(std::int64_t i, std::int64_t size, bool periodic) {
  if (i >= 0 && i < size) return i;
  if (!periodic) return -1;
  return i < 0 ? i + size : i - size;
}

LONGTAIL_INLINE int component_of(int offset, int axis) {
  return (axis == 0 ? offset / 9 : axis == 1 ? offset / 3 % 3 : offset % 3) - 1;
}

/// The neighbours of a point: how many points away they are along each axis, and whether they are.
class Neighbourhood {
 public:
  LONGTAIL_INLINE Neighbourhood(const GridShape& shape, const Place& at) {
    LONGTAIL_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      LONGTAIL_UNROLL
      for (int side = 0; side < 2; ++side) {
        const std::int64_t i = at.of[axis];
        const std::int64_t to = wrapped(i + 2 * side - 1, shape.sizes[axis], shape.periodic[axis]);
        inside_[axis][side] = to >= 0 && !(axis == 0 && shape.flat);
        moves_[axis][side] = to - i;
      }
    }
  }
  LONGTAIL_INLINE bool has(int offset) const {
    bool result = true;
    LONGTAIL_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      const int step = component_of(offset, axis);
      if (step != 0) result = result && inside_[axis][step > 0 ? 1 : 0];
    }
    return result;
  }
  /// From the point to that neighbour in memory.
  LONGTAIL_INLINE std::int64_t step(int offset, const Strides& strides) const {
    std::int64_t result = 0;
    LONGTAIL_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      const int step = component_of(offset, axis);
      if (step == 0) continue;
      const std::int64_t stride = axis == 0   ? strides.plane
                                  : axis == 1 ? strides.row
                                              : std::int64_t{1};
      result += moves_[axis][step > 0 ? 1 : 0] * stride;
    }
    return result;
  }

 private:
  std::int64_t moves_[3][2];
  bool inside_[3][2];
};

/// A point, among values of its problem and in the arrays of its system.
struct Spot {
  Place at;
  std::int64_t value, number;
};
/// `base` is where the system begins.
LONGTAIL_INLINE Spot spot_at(const GridShape& shape, std::int64_t base, const Place& at) {
  return {at, index_in(value_strides(shape), at), base + index_at(shape, at)};
}

/// Offsets before the centre in the order of sums: along the row first.
LONGTAIL_INLINE constexpr int offset_in_order(int i) { return i == 0 ? kCentre - 1 : i - 1; }

/// sum + weights times neighbours.
template <class S, class Value>
LONGTAIL_INLINE S add_weighted(const StencilView<S>& a, const Spot& here, S sum,
                               const Value& value) {
  const Neighbourhood near(a.shape, here.at);
  const Strides values = value_strides(a.shape), numbers = strides_of(a.shape);
  LONGTAIL_UNROLL
  for (int i = 0; i < kCentre; ++i) {
    const int k = offset_in_order(i);
    const S* const weights = a.weights[k];
    if (weights == nullptr) continue;
    if (near.has(k)) {
      sum = fma(weights[here.number], value(here.value + near.step(k, values)), sum);
    }
    const int opposite = 2 * kCentre - k;
    if (near.has(opposite)) {
      sum = fma(weights[here.number + near.step(opposite, numbers)],
                value(here.value + near.step(opposite, values)), sum);
    }
  }
  return sum;
}

/// Gauss-Seidel, omega times as far; `from` are the values that neighbours have.
template <class S>
LONGTAIL_INLINE S stencil_relaxed(const StencilView<S>& a, const Spot& here, S f, S omega,
                                  const S* from) {
  const S sum = add_weighted(a, here, f, [&](std::int64_t i) { return from[i]; });
  const S reciprocal = a.reciprocal[here.number];
  return omega == S(1) ? sum * reciprocal : relaxed<S>(from[here.value], sum, reciprocal, omega);
}

/// A cross after a sweep of both colours from 0, `first` before the other; points of the latter see
/// those of the former, or 0 across a seam.
template <class S>
LONGTAIL_INLINE S cross_from_zero(const StencilView<S>& a, const Spot& here, int first,
                                  const S* f) {
  if (colour_of(here.at) == first) return f[here.value] * a.reciprocal[here.number];
  const Neighbourhood near(a.shape, here.at);
  const Strides values = value_strides(a.shape), numbers = strides_of(a.shape);
  S sum = f[here.value];
  LONGTAIL_UNROLL
  for (int i = 0; i < 3; ++i) {
    const int axis = i == 0 ? 2 : i - 1;
    const int before = axis == 0 ? 4 : axis == 1 ? 10 : 12;
    const std::int64_t last = a.shape.sizes[axis] - 1;
    LONGTAIL_UNROLL
    for (int side = 0; side < 2; ++side) {
      const int offset = side == 0 ? before : 2 * kCentre - before;
      if (!near.has(offset)) continue;
      // Across the ends of a periodic axis of odd size the colours are the same.
      if (here.at.of[axis] == (side == 0 ? 0 : last) && last % 2 == 0) continue;
      const std::int64_t value = here.value + near.step(offset, values);
      const std::int64_t number = here.number + near.step(offset, numbers);
      sum = fma(a.weights[before][side == 0 ? here.number : number],
                f[value] * a.reciprocal[number], sum);
    }
  }
  return sum * a.reciprocal[here.number];
}

template <class S, class Value>
LONGTAIL_INLINE S stencil_applied(const StencilView<S>& a, const Spot& here, const Value& value) {
  return fma(a.centre[here.number], value(here.value), -add_weighted(a, here, S(0), value));
}

template <class S>
LONGTAIL_INLINE S stencil_residual(const StencilView<S>& a, const Spot& here, S f, const S* u) {
  const auto value = [&](std::int64_t i) { return u[i]; };
  return fma(-a.centre[here.number], u[here.value], add_weighted(a, here, f, value));
}

/// What a coarse point is given of residuals: line by line of the fine points around it.
template <class S>
LONGTAIL_INLINE S shared_residual(const StencilPointLevel<S>& level, std::int64_t base,
                                  const Place& coarse, const S* rest) {
  const GridShape& shape = level.stencil.shape;
  Place fine;
  for (int axis = 0; axis < 3; ++axis) {
    fine.of[axis] = wrapped(level.shares.axes[axis].fine(coarse.of[axis]), shape.sizes[axis],
                            shape.periodic[axis]);
  }
  const Neighbourhood near(shape, fine);
  const Strides strides = value_strides(shape);
  const std::int64_t value = index_in(strides, fine);
  const std::int64_t number = base + index_at(level.coarse, coarse);
  const auto product = [&](int offset, auto&& use) {
    const S* const share = level.shares.share[offset];
    if (share == nullptr || !near.has(offset)) return;
    use(share[number], rest[value + near.step(offset, strides)]);
  };
  S total = 0;
  LONGTAIL_UNROLL
  for (int middle = 1; middle < 27; middle += 3) {
    S sum = 0;
    if (middle == kCentre) {
      sum = rest[value];
    } else {
      product(middle, [&](S share, S r) { sum = share * r; });
    }
    product(middle - 1, [&](S share, S r) { sum = fma(share, r, sum); });
    product(middle + 1, [&](S share, S r) { sum = fma(share, r, sum); });
    total += sum;
  }
  return total;
}

/// Which coarse points along an axis a fine one is between, and at which offset from them.
struct CoarseSides {
  int count;
  std::int64_t coarse[2];
  int offset[2];
};
LONGTAIL_INLINE CoarseSides coarse_sides(const CoarseAxis& axis, std::int64_t at,
                                         std::int64_t coarse_size, bool periodic) {
  // Of a seam, where the fine size is 2 * coarse_size - 1.
  const std::int64_t from = axis.unwrapped(at, 2 * coarse_size - 1) - axis.first;
  if (!axis.halved) return {1, {at, 0}, {0, 0}};
  if (from % 2 == 0) return {1, {from / 2, 0}, {0, 0}};
  CoarseSides result{0, {0, 0}, {0, 0}};
  const std::int64_t right = (from + 1) / 2;
  for (int side = 0; side < 2; ++side) {
    const std::int64_t c = wrapped(right - 1 + side, coarse_size, periodic);
    if (c < 0) continue;
    // Selected by hand: a thread's array must not be indexed by what it computes.
    const bool first = result.count == 0;
    (first ? result.coarse[0] : result.coarse[1]) = c;
    (first ? result.offset[0] : result.offset[1]) = 1 - 2 * side;
    ++result.count;
  }
  return result;
}

/// u and what coarse values are at its point, a coarse line after the other.
template <class S>
LONGTAIL_INLINE S with_shared_values(const StencilPointLevel<S>& level, std::int64_t base,
                                     const Place& at, const S* coarse_u, S u) {
  const GridShape& coarse = level.coarse;
  const auto sides = [&](int axis) {
    return coarse_sides(level.shares.axes[axis], at.of[axis], coarse.sizes[axis],
                        coarse.periodic[axis]);
  };
  const CoarseSides planes = sides(0), rows = sides(1), points = sides(2);
  LONGTAIL_UNROLL
  for (int p = 0; p < 2; ++p) {
    LONGTAIL_UNROLL
    for (int r = 0; r < 2; ++r) {
      if (p >= planes.count || r >= rows.count) continue;
      S sum = 0;
      LONGTAIL_UNROLL
      for (int x = 0; x < 2; ++x) {
        if (x >= points.count) continue;
        const Spot c =
            spot_at(coarse, base, {{planes.coarse[p], rows.coarse[r], points.coarse[x]}});
        const S* const share =
            level.shares.share[offset_index(planes.offset[p], rows.offset[r], points.offset[x])];
        const S value = coarse_u[c.value];
        sum = share == nullptr ? value
              : x == 0         ? share[c.number] * value
                               : fma(share[c.number], value, sum);
      }
      u += sum;
    }
  }
  return u;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
