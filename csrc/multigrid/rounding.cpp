#include "multigrid/rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace longtail::multigrid {
namespace {

/// How much of a residual of random numbers a cycle may leave by rounding. Below that none takes
/// more than one cycle more to 1e-8 than in float64; from 5 on some take many more, or stall.
/// Measured with Neumann sides, vertices and cells, spacings of 1 : 30 to 1 : 6000.
constexpr double kMostLeft = 0.5;

/// True if u is given at an end.
bool holds(const Axis& axis) {
  return axis.left == Side::dirichlet || axis.right == Side::dirichlet;
}

double slowest(const Axis& axis) {
  const std::vector<double> volume = second_difference(axis).volume;
  const double length = std::accumulate(volume.begin(), volume.end(), 0.0);
  constexpr double pi = 3.141592653589793;
  const double waves = axis.periodic() ? 2 : axis.left == axis.right ? 1 : 0.5;
  const double root = waves * pi / length;
  return root * root;
}

}  // namespace

double slowest(const Box& box) {
  double held = 0, free = std::numeric_limits<double>::infinity();
  for (int d = box.flat ? 1 : 0; d < 3; ++d) {
    if (holds(box.axes[d])) {
      held += slowest(box.axes[d]);
    } else if (box.axes[d].size > 1) {
      free = std::min(free, slowest(box.axes[d]));
    }
  }
  return held > 0 ? held : free;
}

bool needs_float64(const Box& unit) {
  // Of random numbers the slowest mode is one part in the root of the number of points.
  const double largest = 4, share = 1 / std::sqrt(static_cast<double>(unit.points()));
  const double left = share * largest / slowest(unit) * std::numeric_limits<float>::epsilon() / 2;
  return left > kMostLeft;
}

}  // namespace longtail::multigrid
