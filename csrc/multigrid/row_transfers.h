#pragma once
// A row of a grid onto the points of a coarser one, and back: part of grid.level.cpp.

#include "core/simd.h"
#include "multigrid/axis.h"
#include "multigrid/grid_view.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

template <class S>
void restrict_points(const RestrictionView<S>& axis, std::int64_t begin, std::int64_t end,
                     const S* from, S* to) {
  for (std::int64_t c = begin; c < end; ++c) {
    S sum = 0;
    for (int k = 0; k < kMostFine; ++k) {
      sum = fma(axis.weights[c * kMostFine + k], from[axis.points[c * kMostFine + k]], sum);
    }
    to[c] = sum;
  }
}

/// The same of points that are alike, each from `Count`: a loop of whole vectors.
template <int Count, class S>
void restrict_alike(const RestrictionView<S>& axis, const S* from, S* to) {
  const auto [begin, end] = axis.alike;
  S weights[Count];
  const S* first[Count];
  for (int k = 0; k < Count; ++k) {
    weights[k] = axis.weights[begin * kMostFine + k];
    first[k] = from + axis.points[begin * kMostFine + k];
  }
  for (std::int64_t i = 0; i < end - begin; ++i) {
    S sum = 0;
    for (int k = 0; k < Count; ++k) sum = fma(weights[k], first[k][2 * i], sum);
    to[begin + i] = sum;
  }
}

template <class S>
void restrict_row(const RestrictionView<S>& axis, std::int64_t coarse_size, const S* from, S* to) {
  for (std::int64_t c = 0; c < axis.halved; ++c) {
    to[c] = S(0.25) * (from[2 * c] + from[2 * c + 2]) + S(0.5) * from[2 * c + 1];
  }
  const auto [begin, end] = axis.alike;
  restrict_points(axis, axis.halved, begin < end ? begin : coarse_size, from, to);
  if (begin >= end) return;
  int count = 0;
  while (count < kMostFine && axis.weights[begin * kMostFine + count] != 0) ++count;
  if (count == 2) {
    restrict_alike<2>(axis, from, to);
  } else if (count == 3) {
    restrict_alike<3>(axis, from, to);
  } else if (count == 4) {
    restrict_alike<4>(axis, from, to);
  } else {
    restrict_points(axis, begin, end, from, to);
  }
  restrict_points(axis, end, coarse_size, from, to);
}

template <class S>
void combine(std::int64_t size, int count, const S* weights, const S* const* rows, S* to) {
  using T = native<S>;
  for (std::int64_t x = 0; x < size; x += kLanes<T>) {
    T sum = T(weights[0]) * load<T>(rows[0] + x);
    for (int i = 1; i < count; ++i) sum = fma(T(weights[i]), load<T>(rows[i] + x), sum);
    store(to + x, sum);
  }
}

template <class S>
void prolong_points(const InterpolationView<S>& axis, std::int64_t begin, std::int64_t end,
                    const S* from, S* to) {
  for (std::int64_t i = begin; i < end; ++i) {
    to[i] +=
        axis.weights[0][i] * from[axis.points[0][i]] + axis.weights[1][i] * from[axis.points[1][i]];
  }
}

/// The same of points that are alike: a loop of whole vectors.
template <class S>
void prolong_alike(const InterpolationView<S>& axis, const S* from, S* to) {
  const auto [begin, end] = axis.alike;
  S weights[4];
  const S* first[4];
  for (int k = 0; k < 4; ++k) {
    weights[k] = axis.weights[k % 2][2 * begin + k / 2];
    first[k] = from + axis.points[k % 2][2 * begin + k / 2];
  }
  S* const pairs = to + 2 * begin;
  for (std::int64_t i = 0; i < end - begin; ++i) {
    const S even = weights[0] * first[0][i] + weights[1] * first[1][i];
    const S odd = weights[2] * first[2][i] + weights[3] * first[3][i];
    pairs[2 * i] += even;
    pairs[2 * i + 1] += odd;
  }
}

template <class S>
void prolong_row(const InterpolationView<S>& axis, std::int64_t fine_size, std::int64_t coarse_size,
                 int count, const S* weights, const S* const* rows, S* scratch, S* to) {
  combine(coarse_size, count, weights, rows, scratch);
  if (axis.halved > 0) {
    to[0] += S(0.5) * scratch[0];
    to[1] += scratch[0];
  }
  for (std::int64_t c = 1; c < axis.halved; ++c) {
    to[2 * c] += S(0.5) * (scratch[c - 1] + scratch[c]);
    to[2 * c + 1] += scratch[c];
  }
  const auto [begin, end] = axis.alike;
  prolong_points(axis, 2 * axis.halved, begin < end ? 2 * begin : fine_size, scratch, to);
  if (begin >= end) return;
  prolong_alike(axis, scratch, to);
  prolong_points(axis, 2 * end, fine_size, scratch, to);
}

}  // namespace
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
