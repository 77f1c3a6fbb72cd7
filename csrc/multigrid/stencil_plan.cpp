#include "multigrid/stencil_plan.h"

#include <algorithm>
#include <limits>

#include "multigrid/coarsening.h"

namespace longtail::multigrid {
namespace {

/// Pieces one behind the other, each at the start of a vector.
template <class S>
class Places {
 public:
  std::int64_t take(std::int64_t numbers) {
    constexpr std::int64_t unit = kAlignedNumbers<S>;
    const std::int64_t here = size_;
    size_ += (numbers + unit - 1) / unit * unit;
    return here;
  }
  std::int64_t grid(const GridShape& shape) {
    return take(numbers_of<S>(shape)) + origin_of<S>(shape);
  }
  std::int64_t size() const { return size_; }

 private:
  std::int64_t size_ = 0;
};

}  // namespace

bool choose_axes(const GridShape& shape, double spacings[3], bool halved[3]) {
  bool possible[3];
  double smallest = std::numeric_limits<double>::infinity();
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t n = shape.sizes[axis];
    possible[axis] = n >= 2 && !(axis == 0 && shape.flat);
    if (possible[axis]) smallest = std::min(smallest, spacings[axis]);
  }
  bool any = false;
  for (int axis = 0; axis < 3; ++axis) {
    halved[axis] = possible[axis] && spacings[axis] <= kSimilarSpacing * smallest;
    if (halved[axis]) spacings[axis] *= 2;
    any = any || halved[axis];
  }
  return any;
}

void coarse_axes(const GridShape& fine, const bool halved[3], CoarseAxis axes[3],
                 std::int64_t sizes[3]) {
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t n = fine.sizes[axis];
    const bool seam = halved[axis] && fine.periodic[axis] && n % 2 == 1;
    axes[axis] = {halved[axis], seam, fine.periodic[axis] && !seam ? 0 : 1};
    sizes[axis] = halved[axis] ? (n + (seam ? 1 : 0)) / 2 : n;
  }
}

bool shares_along(const bool halved[3], int offset) {
  if (offset == kCentre) return false;
  const Offset o = offset_of(offset);
  return (halved[0] || o.plane == 0) && (halved[1] || o.row == 0) && (halved[2] || o.point == 0);
}

template <class S>
StencilPlan plan_levels(const DiffusionShape& of) {
  StencilPlan plan{};
  Places<S> places;
  double spacings[3];
  std::copy_n(of.spacings, 3, spacings);
  GridShape shape = shape_for<S>(of.flat, of.sizes, of.periodic);
  const Reach all = of.flat ? Reach::flat_full : Reach::full;
  Reach reach = of.full ? all : of.flat ? Reach::flat_cross : Reach::cross;
  for (;;) {
    LevelPlan level{};
    level.shape = shape;
    level.reach = reach;
    std::fill_n(level.weights, kCentre, -1);
    std::fill_n(level.share, 27, -1);
    for (const int offset : offsets_before(reach)) level.weights[offset] = places.grid(shape);
    level.centre = places.grid(shape);
    level.reciprocal = places.grid(shape);
    level.bound = places.take(1);
    level.last = shape.points() <= kFewPoints || !choose_axes(shape, spacings, level.halved);
    if (level.last) {
      plan.levels.push_back(level);
      break;
    }
    std::int64_t sizes[3];
    coarse_axes(shape, level.halved, level.axes, sizes);
    shape = shape_for<S>(of.flat, sizes, of.periodic);
    for (int offset = 0; offset < 27; ++offset) {
      if (shares_along(level.halved, offset)) level.share[offset] = places.grid(shape);
    }
    plan.levels.push_back(level);
    reach = all;
  }
  plan.inverse = places.take(shape.points() * shape.points());
  plan.numbers = places.size();
  return plan;
}

template <class S>
StencilPointLevel<S> level_in(const StencilPlan& plan, std::size_t i, const S* memory) {
  const auto at = [&](std::int64_t place) { return place < 0 ? nullptr : memory + place; };
  const LevelPlan& from = plan.levels[i];
  StencilPointLevel<S> level{};
  level.stencil.shape = from.shape;
  level.stencil.reach = from.reach;
  for (int offset = 0; offset < kCentre; ++offset) {
    level.stencil.weights[offset] = at(from.weights[offset]);
  }
  level.stencil.centre = at(from.centre);
  level.stencil.reciprocal = at(from.reciprocal);
  level.bound = at(from.bound);
  if (from.last) return level;
  level.coarse = plan.levels[i + 1].shape;
  std::copy_n(from.axes, 3, level.shares.axes);
  for (int offset = 0; offset < 27; ++offset) level.shares.share[offset] = at(from.share[offset]);
  return level;
}

template StencilPlan plan_levels<float>(const DiffusionShape&);
template StencilPlan plan_levels<double>(const DiffusionShape&);
template StencilPointLevel<float> level_in<float>(const StencilPlan&, std::size_t, const float*);
template StencilPointLevel<double> level_in<double>(const StencilPlan&, std::size_t, const double*);

}  // namespace longtail::multigrid
