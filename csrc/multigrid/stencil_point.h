#pragma once
// An operator of varying coefficients at one point, and the transfers of one point: the formulas of
// stencil.level.cpp, for kernels that give each point to a thread. No ghosts are read.

#include "multigrid/box_math.h"
#include "multigrid/stencil_view.h"

namespace longtail::multigrid {

/// A level of an operator and what is between it and the next coarser one.
template <class S>
struct StencilPointLevel {
  StencilView<S> stencil;
  SharesView<S> shares;
  GridShape coarse;
};

inline namespace LONGTAIL_LEVEL {

LONGTAIL_INLINE std::int64_t index_at(const GridShape& shape, const Place& at) {
  return at.of[0] * shape.plane_stride + at.of[1] * shape.row_stride + at.of[2];
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

/// The neighbours of a point: how far they are in memory along each axis, and whether they are.
class Neighbourhood {
 public:
  LONGTAIL_INLINE Neighbourhood(const GridShape& shape, const Place& at) {
    LONGTAIL_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      const std::int64_t stride = axis == 0   ? shape.plane_stride
                                  : axis == 1 ? shape.row_stride
                                              : std::int64_t{1};
      LONGTAIL_UNROLL
      for (int side = 0; side < 2; ++side) {
        const std::int64_t i = at.of[axis];
        const std::int64_t to = wrapped(i + 2 * side - 1, shape.sizes[axis], shape.periodic[axis]);
        inside_[axis][side] = to >= 0 && !(axis == 0 && shape.flat);
        delta_[axis][side] = (to - i) * stride;
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
  LONGTAIL_INLINE std::int64_t step(int offset) const {
    std::int64_t result = 0;
    LONGTAIL_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      const int step = component_of(offset, axis);
      if (step != 0) result += delta_[axis][step > 0 ? 1 : 0];
    }
    return result;
  }

 private:
  std::int64_t delta_[3][2];
  bool inside_[3][2];
};

/// sum + weights times neighbours; `base` is where the system of this problem begins.
template <class S, class Value>
LONGTAIL_INLINE S add_weighted(const StencilView<S>& a, std::int64_t base, const Place& at,
                               std::int64_t index, S sum, const Value& value) {
  const Neighbourhood near(a.shape, at);
  LONGTAIL_UNROLL
  for (int k = kCentre; k-- > 0;) {
    const S* const weights = a.weights[k];
    if (weights == nullptr) continue;
    if (near.has(k)) {
      sum = fma(weights[base + index], value(index + near.step(k)), sum);
    }
    const int opposite = 2 * kCentre - k;
    if (near.has(opposite)) {
      const std::int64_t other = index + near.step(opposite);
      sum = fma(weights[base + other], value(other), sum);
    }
  }
  return sum;
}

template <class S>
LONGTAIL_INLINE S stencil_relaxed(const StencilView<S>& a, std::int64_t base, const Place& at,
                                  std::int64_t index, S f, const S* u) {
  return add_weighted(a, base, at, index, f, [&](std::int64_t i) { return u[i]; }) *
         a.reciprocal[base + index];
}

/// A cross after a sweep of both colours from 0; black points see red ones, or 0 across a seam.
template <class S>
LONGTAIL_INLINE S cross_from_zero(const StencilView<S>& a, std::int64_t base, const Place& at,
                                  std::int64_t index, const S* f) {
  const auto red = [&](std::int64_t i) { return f[i] * a.reciprocal[base + i]; };
  if (colour_of(at) == 0) return red(index);
  const Neighbourhood near(a.shape, at);
  S sum = f[index];
  LONGTAIL_UNROLL
  for (int axis = 2; axis >= 0; --axis) {
    const int before = axis == 0 ? 4 : axis == 1 ? 10 : 12;
    LONGTAIL_UNROLL
    for (int side = 0; side < 2; ++side) {
      const int offset = side == 0 ? before : 2 * kCentre - before;
      if (!near.has(offset)) continue;
      // Across the ends of a periodic axis of odd size the colours are the same.
      const bool at_end = side == 0 ? at.of[axis] == 0 : at.of[axis] == a.shape.sizes[axis] - 1;
      if (at_end && a.shape.sizes[axis] % 2 == 1) continue;
      const std::int64_t other = index + near.step(offset);
      sum = fma(a.weights[before][base + (side == 0 ? index : other)], red(other), sum);
    }
  }
  return sum * a.reciprocal[base + index];
}

template <class S, class Value>
LONGTAIL_INLINE S stencil_applied(const StencilView<S>& a, std::int64_t base, const Place& at,
                                  std::int64_t index, const Value& value) {
  return fma(a.centre[base + index], value(index), -add_weighted(a, base, at, index, S(0), value));
}

template <class S>
LONGTAIL_INLINE S stencil_residual(const StencilView<S>& a, std::int64_t base, const Place& at,
                                   std::int64_t index, S f, const S* u) {
  const auto value = [&](std::int64_t i) { return u[i]; };
  return fma(-a.centre[base + index], u[index], add_weighted(a, base, at, index, f, value));
}

/// What a coarse point is given of residuals.
template <class S>
LONGTAIL_INLINE S shared_residual(const StencilPointLevel<S>& level, std::int64_t base,
                                  const Place& coarse, std::int64_t coarse_index, const S* rest) {
  const GridShape& shape = level.stencil.shape;
  Place fine;
  for (int axis = 0; axis < 3; ++axis)
    fine.of[axis] = level.shares.axes[axis].fine(coarse.of[axis]);
  const Neighbourhood near(shape, fine);
  const std::int64_t index = index_at(shape, fine);
  S sum = rest[index];
  LONGTAIL_UNROLL
  for (int offset = 0; offset < 27; ++offset) {
    const S* const share = level.shares.share[offset];
    if (share == nullptr || !near.has(offset)) continue;
    sum = fma(share[base + coarse_index], rest[index + near.step(offset)], sum);
  }
  return sum;
}

/// Which coarse points along an axis a fine one is between, and at which offset from them.
struct CoarseSides {
  int count;
  std::int64_t coarse[2];
  int offset[2];
};
LONGTAIL_INLINE CoarseSides coarse_sides(const CoarseAxis& axis, std::int64_t at,
                                         std::int64_t coarse_size, bool periodic) {
  const std::int64_t from = at - axis.first;
  if (!axis.halved) return {1, {at, 0}, {0, 0}};
  if (from % 2 == 0) return {1, {from / 2, 0}, {0, 0}};
  CoarseSides result{0, {0, 0}, {0, 0}};
  const std::int64_t right = (from + 1) / 2;
  for (int side = 0; side < 2; ++side) {
    const std::int64_t c = wrapped(right - 1 + side, coarse_size, periodic && !axis.seam);
    if (c < 0) continue;
    // Selected by hand: a thread's array must not be indexed by what it computes.
    const bool first = result.count == 0;
    (first ? result.coarse[0] : result.coarse[1]) = c;
    (first ? result.offset[0] : result.offset[1]) = 1 - 2 * side;
    ++result.count;
  }
  return result;
}

/// What coarse values are at a fine point.
template <class S>
LONGTAIL_INLINE S shared_values(const StencilPointLevel<S>& level, std::int64_t base,
                                const Place& at, const S* coarse_u) {
  const GridShape& coarse = level.coarse;
  const auto sides = [&](int axis) {
    return coarse_sides(level.shares.axes[axis], at.of[axis], coarse.sizes[axis],
                        coarse.periodic[axis]);
  };
  const CoarseSides planes = sides(0), rows = sides(1), points = sides(2);
  S sum = 0;
  LONGTAIL_UNROLL
  for (int p = 0; p < 2; ++p) {
    LONGTAIL_UNROLL
    for (int r = 0; r < 2; ++r) {
      LONGTAIL_UNROLL
      for (int x = 0; x < 2; ++x) {
        if (p >= planes.count || r >= rows.count || x >= points.count) continue;
        const std::int64_t c =
            index_at(coarse, {{planes.coarse[p], rows.coarse[r], points.coarse[x]}});
        const S* const share =
            level.shares.share[offset_index(planes.offset[p], rows.offset[r], points.offset[x])];
        sum = share ? fma(share[base + c], coarse_u[c], sum) : sum + coarse_u[c];
      }
    }
  }
  return sum;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
