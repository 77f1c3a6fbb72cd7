#pragma once
// Roots of unity to the last bit of double, on CPU and GPU.

#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace longtail::longconv {

struct Root {
  double re, im;
};

/// exp(-2 pi i turn / of), 0 <= turn: the angle is reduced in integers.
LONGTAIL_HOST_DEVICE inline Root root(std::int64_t turn, std::int64_t of) {
  turn %= of;
  // In eighths of a circle, so that sine and cosine see angles below pi / 4 only.
  const std::int64_t eighth = 8 * turn / of;
  const std::int64_t quarter = (eighth + 1) / 2;
  const double angle =
      2 * 3.14159265358979323846 *
      (static_cast<double>(4 * turn - quarter * of) / (4 * static_cast<double>(of)));
  const double c = cos(angle), s = sin(angle);
  switch (quarter % 4) {
    case 0:
      return {c, -s};
    case 1:
      return {-s, -c};
    case 2:
      return {-c, s};
    default:
      return {s, c};
  }
}

}  // namespace longtail::longconv
