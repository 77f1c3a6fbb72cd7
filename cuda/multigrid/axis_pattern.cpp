#include "cuda/multigrid/axis_pattern.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace longtail::cuda {
namespace {

using multigrid::Axis;

// How many pairs of points a table of at most kShortFine of them lacks.
std::int64_t left_out(std::int64_t size) {
  return size > kShortFine ? (size - kShortFine + 1) / 2 : 0;
}
Axis shortened(Axis axis, std::int64_t points) {
  axis.size -= points;
  return axis;
}

template <class S>
void copy(const std::vector<double>& from, S* to) {
  std::transform(from.begin(), from.end(), to, [](double a) { return static_cast<S>(a); });
}

}  // namespace

template <class S>
AxisPattern<S> axis_pattern(const Axis& axis, bool coupled) {
  AxisPattern<S> result{axis.size, left_out(axis.size), {}, {}, {}};
  if (!coupled) return result;  // the one plane of a flat box
  const auto along = multigrid::second_difference(shortened(axis, 2 * result.pairs));
  copy(along.lower, result.lower);
  copy(along.diagonal, result.diagonal);
  copy(along.upper, result.upper);
  return result;
}

VolumePattern volume_pattern(const Axis& axis) {
  VolumePattern result{};
  copy(multigrid::second_difference(shortened(axis, 2 * left_out(axis.size))).volume,
       result.volume);
  return result;
}

template <class S>
TransferPattern<S> transfer_pattern(const Axis& fine, const Axis& coarse, bool joined) {
  TransferPattern<S> result{};
  result.coarse = coarse.size;
  result.identity = fine.size == coarse.size;
  if (result.identity) return result;
  result.pairs = left_out(fine.size);
  const Axis short_fine = shortened(fine, 2 * result.pairs);
  const Axis short_coarse = shortened(coarse, result.pairs);
  if (short_coarse.size > kShortCoarse || short_coarse.size < 1) {
    throw std::logic_error("longtail: an axis of " + std::to_string(fine.size) + " points has " +
                           std::to_string(coarse.size) + " coarse ones");
  }
  const auto up = multigrid::interpolation(short_fine, short_coarse);
  for (int k = 0; k < 2; ++k) {
    for (std::int64_t i = 0; i < short_fine.size; ++i) {
      result.up_points[k][i] = static_cast<std::int8_t>(up.points[k][i]);
      result.up_weights[k][i] = static_cast<S>(up.weights[k][i]);
    }
  }
  const auto down = multigrid::restriction(short_fine, short_coarse, joined);
  for (std::int64_t c = 0; c < short_coarse.size; ++c) {
    for (int k = 0; k < multigrid::kMostFine; ++k) {
      const std::int64_t from = c * multigrid::kMostFine + k;
      result.down_points[c][k] = static_cast<std::int8_t>(down.points[from]);
      result.down_weights[c][k] = static_cast<S>(down.weights[from]);
    }
  }
  return result;
}

template AxisPattern<float> axis_pattern<float>(const Axis&, bool);
template AxisPattern<double> axis_pattern<double>(const Axis&, bool);
template TransferPattern<float> transfer_pattern<float>(const Axis&, const Axis&, bool);

}  // namespace longtail::cuda
