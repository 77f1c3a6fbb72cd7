#pragma once
// -Laplace at one point of a box without ghosts, and the transfers of one point: the same formulas
// as the rows of grid.level.cpp have, for kernels that give each point to a thread.
//
// Arrays are contiguous, [planes, rows, points]. `value(place, index)` is what stands at a point:
// a number that is read, or one that is computed there.

#include "multigrid/stencil_math.h"

// After what opens the level's namespace.
#include "multigrid/hierarchy.h"

namespace longtail::multigrid {

struct Place {
  std::int64_t of[3];
};

template <class S>
struct BoxView {
  bool flat;
  AxisView<S> axes[3];

  LONGTAIL_HOST_DEVICE std::int64_t stride(int axis) const {
    return axis == 2 ? 1 : axis == 1 ? axes[2].size : axes[1].size * axes[2].size;
  }
  LONGTAIL_HOST_DEVICE std::int64_t points() const { return axes[0].size * stride(0); }
  LONGTAIL_HOST_DEVICE std::int64_t index(const Place& at) const {
    return (at.of[0] * axes[1].size + at.of[1]) * axes[2].size + at.of[2];
  }
  LONGTAIL_INLINE bool odd_seam() const {
    return axes[0].odd_seam() || axes[1].odd_seam() || axes[2].odd_seam();
  }
};

/// A level and what is between it and the next coarser one.
template <class S>
struct BoxLevel {
  BoxView<S> box;
  Transfers<S> transfers;
  S omega;  // over_relaxation() of hierarchy.h
};

inline namespace LONGTAIL_LEVEL {

LONGTAIL_INLINE int colour_of(const Place& at) {
  return static_cast<int>((at.of[0] + at.of[1] + at.of[2]) % 2);
}

/// As in grid_view.h.
template <class S>
LONGTAIL_INLINE int turn_of(const BoxView<S>& box, const Place& at) {
  bool seam = false;
  LONGTAIL_UNROLL
  for (int axis = 0; axis < 3; ++axis) seam ^= box.axes[axis].at_seam(at.of[axis]);
  return 2 * colour_of(at) + (seam ? 1 : 0);
}

/// f + the sum of weights times neighbours.
template <class S, class Value>
LONGTAIL_INLINE S around(const BoxView<S>& box, const Place& at, std::int64_t index, S f,
                         const Value& value) {
  S sum = f;
  LONGTAIL_UNROLL
  for (int axis = 2; axis >= 0; --axis) {
    if (axis == 0 && box.flat) continue;
    const AxisView<S>& along = box.axes[axis];
    const std::int64_t i = at.of[axis], last = along.size - 1, stride = box.stride(axis);
    // Beyond an end: the other one, or the point itself, whose coefficient is 0 then.
    const std::int64_t before = i > 0 ? i - 1 : along.periodic ? last : i;
    const std::int64_t behind = i < last ? i + 1 : along.periodic ? 0 : i;
    Place front = at, back = at;
    front.of[axis] = before;
    back.of[axis] = behind;
    sum = add_neighbours<S>(
        sum, {along.lower[i], along.upper[i], value(front, index + (before - i) * stride),
              value(back, index + (behind - i) * stride)});
  }
  return sum;
}

template <class S>
LONGTAIL_INLINE S diagonal(const BoxView<S>& box, const Place& at) {
  const S across = box.axes[1].diagonal[at.of[1]] + box.axes[0].diagonal[at.of[0]];
  return box.axes[2].diagonal[at.of[2]] + across;
}

/// 0 where there is no equation: one cell between Neumann sides.
template <class S>
LONGTAIL_INLINE S reciprocal(const BoxView<S>& box, const Place& at) {
  const S whole = diagonal(box, at);
  return whole > S(0) ? S(1) / whole : S(0);
}

template <class S, class Value>
LONGTAIL_INLINE S relaxed_at(const BoxView<S>& box, const Place& at, std::int64_t index, S f,
                             S omega, const Value& value) {
  const S sum = around(box, at, index, f, value);
  return relaxed<S>(value(at, index), sum, reciprocal(box, at), omega);
}

/// u = 0 after both colours, as neighbours of black points are red; of a box with an odd seam after
/// the first turn.
template <class S>
LONGTAIL_INLINE S swept_from_zero(const BoxView<S>& box, const Place& at, std::int64_t index,
                                  const S* f, S omega) {
  const auto red = [&](const Place& p, std::int64_t i) {
    return colour_of(p) == 0 ? omega * f[i] * reciprocal(box, p) : S(0);
  };
  if (box.odd_seam()) return turn_of(box, at) == 0 ? red(at, index) : S(0);
  if (colour_of(at) == 0) return red(at, index);
  return relaxed_at(box, at, index, f[index], omega, red);
}

template <class S, class Value>
LONGTAIL_INLINE S residual_at(const BoxView<S>& box, const Place& at, std::int64_t index, S f,
                              const Value& value) {
  return fma(-diagonal(box, at), value(at, index), around(box, at, index, f, value));
}

/// The sum over the fine points of a coarse one along `axis` and those after it.
template <int Axis, class S, class Value>
LONGTAIL_INLINE S restricted_along(const BoxLevel<S>& fine, const Place& coarse, Place& at,
                                   const Value& value) {
  const RestrictionView<S>& down = fine.transfers.down[Axis];
  S sum = 0;
  LONGTAIL_KEEP_LOOP
  for (int k = 0; k < kMostFine; ++k) {
    const std::int64_t term = coarse.of[Axis] * kMostFine + k;
    const S weight = down.weights[term];
    if (weight == S(0)) break;  // those that are needed come first
    at.of[Axis] = down.points[term];
    if constexpr (Axis == 2) {
      sum = fma(weight, value(at), sum);
    } else {
      sum = fma(weight, restricted_along<Axis + 1>(fine, coarse, at, value), sum);
    }
  }
  return sum;
}

/// The residual of u at a coarse point.
template <class S>
LONGTAIL_INLINE S restricted_residual(const BoxLevel<S>& fine, const Place& coarse, const S* u,
                                      const S* f) {
  Place at{};
  return restricted_along<0>(fine, coarse, at, [&](const Place& p) {
    const std::int64_t index = fine.box.index(p);
    return residual_at(fine.box, p, index, f[index],
                       [&](const Place&, std::int64_t i) { return u[i]; });
  });
}

/// What coarse values are at a fine point.
template <class S>
LONGTAIL_INLINE S interpolated(const BoxLevel<S>& fine, const BoxView<S>& coarse, const Place& at,
                               const S* coarse_u) {
  const InterpolationView<S>* const up = fine.transfers.up;
  S result = 0;
  LONGTAIL_UNROLL
  for (int x = 0; x < 2; ++x) {
    const S along = up[2].weights[x][at.of[2]];
    if (along == S(0)) continue;
    S sum = 0;
    LONGTAIL_UNROLL
    for (int p = 0; p < 2; ++p) {
      if (p == 1 && fine.box.flat) continue;
      LONGTAIL_UNROLL
      for (int r = 0; r < 2; ++r) {
        const S weight = up[0].weights[p][at.of[0]] * up[1].weights[r][at.of[1]];
        if (weight == S(0)) continue;
        const Place from = {
            {up[0].points[p][at.of[0]], up[1].points[r][at.of[1]], up[2].points[x][at.of[2]]}};
        sum = fma(weight, coarse_u[coarse.index(from)], sum);
      }
    }
    result = fma(along, sum, result);
  }
  return result;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
