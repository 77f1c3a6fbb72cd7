// Axes of a hierarchy in a few numbers, so that their tables are made on the device and nothing is
// copied there: a call may be captured in a graph.
//
// The tables of axis.h are regular but near the ends: an axis of n points has those of a short one
// with the same ends, in the middle of which two fine points and one coarse one repeat.
#pragma once

#include <cstdint>
#include <optional>

#include "core/host_device.h"
#include "multigrid/hierarchy.h"

namespace longtail::cuda {

constexpr int kShortFine = 18, kShortCoarse = 10;

// Where entry i of n is in the short table, and how far its points are from those there.
struct ShortEntry {
  enum Part { front, middle, back };
  int at;
  Part part;
  std::int64_t shift;

  // A point of a short table of `length`, as of the long one. At the ends of a periodic axis some
  // are near the other end.
  LONGTAIL_HOST_DEVICE std::int64_t point(int short_point, int length) const {
    constexpr int near = 3;
    if (part == front && short_point < length - near) return short_point;
    return part == back && short_point < near ? short_point : short_point + shift;
  }
};

// The coefficients of an axis; of `size` points, of which the short one lacks 2 * `pairs`.
template <class S>
struct AxisPattern {
  std::int64_t size, pairs;
  S lower[kShortFine], diagonal[kShortFine], upper[kShortFine];

  LONGTAIL_HOST_DEVICE ShortEntry fine(std::int64_t i) const {
    const int length = static_cast<int>(size - 2 * pairs);
    if (pairs == 0 || i < 6) return {static_cast<int>(i), ShortEntry::front, pairs};
    if (i >= size - 8) {
      return {static_cast<int>(i - (size - length)), ShortEntry::back, pairs};
    }
    return {6 + static_cast<int>(i % 2), ShortEntry::middle, (i - 6) / 2};
  }
};

// Interpolation from, and restriction to, `coarse` points.
template <class S>
struct TransferPattern {
  std::int64_t coarse, pairs;
  bool identity;
  std::int8_t up_points[2][kShortFine], down_points[kShortCoarse][multigrid::kMostFine];
  S up_weights[2][kShortFine], down_weights[kShortCoarse][multigrid::kMostFine];

  LONGTAIL_HOST_DEVICE ShortEntry entry(std::int64_t c) const {
    const int length = static_cast<int>(coarse - pairs);
    if (pairs == 0 || c < 4) return {static_cast<int>(c), ShortEntry::front, 2 * pairs};
    if (c >= coarse - 4) {
      return {static_cast<int>(c - (coarse - length)), ShortEntry::back, 2 * pairs};
    }
    return {4, ShortEntry::middle, 2 * (c - 4)};
  }
};

// Volumes too, for means.
struct VolumePattern {
  double volume[kShortFine];
};

template <class S>
AxisPattern<S> axis_pattern(const multigrid::Axis& axis, bool coupled);
VolumePattern volume_pattern(const multigrid::Axis& axis);
// `joined` as of multigrid::restriction.
template <class S>
TransferPattern<S> transfer_pattern(const multigrid::Axis& fine, const multigrid::Axis& coarse,
                                    bool joined);

}  // namespace longtail::cuda
