#pragma once
// One share, and one weight of the Galerkin operator, of black_box.h: for kernels that give each
// coarse point to a thread. Same operators as black_box.cpp makes line by line.

#include "multigrid/black_box_math.h"
#include "multigrid/stencil_point.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {

/// A[i, i + offset], signed; 0 beyond an end. Point i has this number in the arrays.
template <class S>
LONGTAIL_INLINE S entry_of(const StencilView<S>& a, const Neighbourhood& near, std::int64_t number,
                           int offset) {
  if (offset == kCentre) return a.centre[number];
  const int earlier = offset < kCentre ? offset : 2 * kCentre - offset;
  if (a.weights[earlier] == nullptr || !near.has(offset)) return S(0);
  const std::int64_t step = offset < kCentre ? 0 : near.step(offset, strides_of(a.shape));
  return -a.weights[earlier][number + step];
}

/// The fine point at an offset from a coarse one; false if there is none.
LONGTAIL_INLINE bool fine_point(const GridShape& fine, const CoarseAxis axes[3],
                                const Place& coarse, int offset, Place& at) {
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t from = axes[axis].fine(coarse.of[axis]);
    at.of[axis] = wrapped(from + component_of(offset, axis), fine.sizes[axis], fine.periodic[axis]);
    if (at.of[axis] < 0) return false;
  }
  return true;
}

/// The share of a coarse point in the fine one at `offset` from it, from those at offsets along
/// fewer axes: share(offset), 1 at (0, 0, 0).
template <class S, class Share>
LONGTAIL_HOST_DEVICE S black_box_share(const StencilView<S>& a, std::int64_t base,
                                       const CoarseAxis axes[3], const Place& coarse, int offset,
                                       const Share& share) {
  Place at;
  if (!fine_point(a.shape, axes, coarse, offset, at)) return S(0);
  for (int axis = 0; axis < 3; ++axis) {
    // Beside a seam, at 0 and 1, there are coarse points, in which no other shares.
    if (axes[axis].seam && at.of[axis] < 2 && component_of(offset, axis) != 0) return S(0);
  }
  const Neighbourhood near(a.shape, at);
  const std::int64_t number = base + index_at(a.shape, at);
  // Entries summed across the axes that the offset is not along, by what is left of their offsets.
  S sums[27] = {};
  LONGTAIL_KEEP_LOOP
  for (int o = 0; o < 27; ++o) {
    int left = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const bool kept = component_of(offset, axis) != 0;
      left = 3 * left + (kept ? component_of(o, axis) : 0) + 1;
    }
    sums[left] += entry_of(a, near, number, o);
  }
  // As black_box_shares.cpp: what leaves through sides across the line of two coarse points does
  // not belong to their shares.
  int between = 0, others = 0;
  for (int axis = a.shape.flat ? 1 : 0; axis < 3; ++axis) {
    if (a.shape.periodic[axis]) continue;
    const int ends = at.of[axis] == 0 || at.of[axis] == a.shape.sizes[axis] - 1 ? 1 : 0;
    (component_of(offset, axis) != 0 ? between : others) += ends;
  }
  S around = 0, size = 0;
  LONGTAIL_KEEP_LOOP
  for (int o = 0; o < 27; ++o) {
    if (o == kCentre) continue;
    around += sums[o];
    size += sums[o] < S(0) ? -sums[o] : sums[o];
  }
  const S centre = share_divisor(sums[kCentre], around, size, part_across<S>(between, others));
  S sum = 0;
  LONGTAIL_KEEP_LOOP
  for (int toward = 1; toward < 8; ++toward) {
    int way = 0, rest = 0;  // where the neighbour is, and how the coarse point sees it
    for (int axis = 0; axis < 3; ++axis) {
      const int along = component_of(offset, axis), bit = toward >> axis & 1;
      way = 3 * way + (bit ? -along : 0) + 1;
      rest = 3 * rest + (bit ? 0 : along) + 1;
    }
    // Bits of axes that the offset is not along say nothing new.
    bool is_new = true;
    for (int axis = 0; axis < 3; ++axis) {
      is_new = is_new && !((toward >> axis & 1) && component_of(offset, axis) == 0);
    }
    if (is_new && sums[way] != S(0)) sum += sums[way] * share(rest);
  }
  return centre == S(0) ? S(0) : -sum * (S(1) / centre);
}

/// The entry of P^T A P from a coarse point to its neighbour at `to`, signed; share(offset, index)
/// of a coarse point.
template <class S, class Share>
LONGTAIL_HOST_DEVICE S galerkin_entry(const StencilView<S>& a, std::int64_t base,
                                      const CoarseAxis axes[3], const GridShape& coarse,
                                      const Place& from, int to, const Share& share) {
  Place there;
  int stride[3], closing = 0;  // bits of axes whose ring closes
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t c = from.of[axis] + component_of(to, axis);
    const bool beyond = c < 0 || c >= coarse.sizes[axis];
    // Across a seam the neighbour is the next fine point.
    stride[axis] = axes[axis].halved && !(beyond && axes[axis].seam) ? 2 : 1;
    there.of[axis] = wrapped(c, coarse.sizes[axis], coarse.periodic[axis]);
    if (there.of[axis] < 0) return S(0);
    if (!ring_closes(axes[axis], coarse, axis)) continue;
    if (component_of(to, axis) != 0) return S(0);
    closing += 1 << axis;
  }
  const std::int64_t here_index = index_at(coarse, from), there_index = index_at(coarse, there);
  S sum = 0;
  LONGTAIL_KEEP_LOOP
  for (int down = 0; down < 27; ++down) {
    bool possible = true;
    for (int axis = 0; axis < 3; ++axis) {
      possible = possible && (axes[axis].halved || component_of(down, axis) == 0);
    }
    Place at;
    if (!possible || !fine_point(a.shape, axes, from, down, at)) continue;
    const Neighbourhood near(a.shape, at);
    const std::int64_t number = base + index_at(a.shape, at);
    const S own = share(down, here_index);
    S of_point = 0;
    LONGTAIL_KEEP_LOOP
    for (int each = 0; each < 27 * (closing + 1); ++each) {
      // down + step = stride * to + up
      const int up = each % 27, behind = each / 27;
      int step = 0;
      bool near_enough = (behind & ~closing) == 0;
      for (int axis = 0; axis < 3; ++axis) {
        const int shared = component_of(up, axis);
        int along = stride[axis] * component_of(to, axis) + shared - component_of(down, axis);
        if (closing >> axis & 1) along = around_two(along, (behind >> axis & 1) != 0);
        near_enough =
            near_enough && along >= -1 && along <= 1 && (axes[axis].halved || shared == 0);
        step = 3 * step + along + 1;
      }
      if (near_enough) of_point += entry_of(a, near, number, step) * share(up, there_index);
    }
    sum += own * of_point;
  }
  return sum;
}

/// The sum of the absolute entries of a row over its diagonal: as stencil_hierarchy.cpp bounds
/// eigenvalues.
template <class S>
LONGTAIL_HOST_DEVICE S row_over_diagonal(const StencilView<S>& a, std::int64_t base,
                                         const Place& at) {
  const Neighbourhood near(a.shape, at);
  const std::int64_t number = base + index_at(a.shape, at);
  S around = 0;
  LONGTAIL_KEEP_LOOP
  for (int o = 0; o < 27; ++o) {
    const S entry = o == kCentre ? S(0) : entry_of(a, near, number, o);
    around += entry < S(0) ? -entry : entry;
  }
  const S centre = a.centre[number];
  return centre > S(0) ? S(1) + around / centre : S(1);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
