#include "cuda/multigrid/diffusion_plan.h"

#include <algorithm>

#include "core/buffer.h"
#include "cuda/multigrid/point_tiles.h"

namespace longtail::cuda {
namespace {

using multigrid::CoarseAxis;
using multigrid::GridShape;
using multigrid::kCentre;
using multigrid::Reach;

GridShape dense(const GridShape& like, const std::int64_t sizes[3]) {
  GridShape result = like;
  std::copy_n(sizes, 3, result.sizes);
  result.row_stride = sizes[2];
  result.plane_stride = sizes[1] * sizes[2];
  return result;
}

bool has(Reach reach, int offset) {
  switch (reach) {
    case Reach::flat_cross:
      return offset == 10 || offset == 12;
    case Reach::flat_full:
      return offset >= 9;
    case Reach::cross:
      return offset == 4 || offset == 10 || offset == 12;
    case Reach::full:
      return true;
  }
  return false;
}

bool along(const CoarseAxis axes[3], int offset) {
  for (int axis = 0; axis < 3; ++axis) {
    if (multigrid::component_of(offset, axis) != 0 && !axes[axis].halved) return false;
  }
  return offset != kCentre;
}

}  // namespace

DiffusionPlan::DiffusionPlan(const multigrid::DiffusionShape& of, std::int64_t of_systems,
                             std::int64_t of_batch, const DiffusionOptions& with)
    : shape(of), systems(of_systems), batch(of_batch), options(with) {
  double spacings[3];
  std::copy_n(of.spacings, 3, spacings);
  GridShape next{};
  next.flat = of.flat;
  std::copy_n(of.periodic, 3, next.periodic);
  next = dense(next, of.sizes);
  for (;;) {
    multigrid::StencilPointLevel<float>& level = levels.emplace_back();
    level.stencil.shape = next;
    const bool finest = levels.size() == 1;
    level.stencil.reach = of.flat ? (finest ? Reach::flat_cross : Reach::flat_full)
                                  : (finest ? Reach::cross : Reach::full);
    bool halved[3];
    if (next.points() <= multigrid::kFewPoints || !multigrid::choose_axes(next, spacings, halved))
      break;
    std::int64_t sizes[3];
    multigrid::coarse_axes(next, halved, level.shares.axes, sizes);
    next = level.coarse = dense(next, sizes);
  }
  first_shared = std::ssize(levels) - 1;
  while (first_shared > 0 && std::ssize(levels) - first_shared < kMostSharedStencils) {
    --first_shared;
    if (shared_numbers() * std::int64_t{sizeof(float)} <= options.shared_bytes) continue;
    ++first_shared;
    break;
  }
  sums = all_points(of.sizes).blocks;
}

std::int64_t DiffusionPlan::shared_numbers() const {
  std::int64_t all = 0, largest = 0;
  for (std::int64_t i = first_shared; i < std::ssize(levels); ++i) {
    all += levels[i].stencil.shape.points();
    largest = std::max(largest, levels[i].stencil.shape.points());
  }
  return 2 * all + largest;
}

bool DiffusionPlan::odd_seam(std::int64_t level) const {
  const GridShape& of = levels[level].stencil.shape;
  for (int axis = 0; axis < 3; ++axis) {
    if (of.periodic[axis] && of.sizes[axis] % 2 == 1) return true;
  }
  return false;
}

template <class S>
void StencilArrays<S>::place(const DiffusionPlan& plan, S* base) {
  levels.clear();
  system = 0;
  const auto array = [&](const GridShape& shape) {
    S* const here = base + system;
    system += shape.points();
    return here;
  };
  for (const multigrid::StencilPointLevel<float>& from : plan.levels) {
    multigrid::StencilPointLevel<S>& level = levels.emplace_back();
    level.stencil.shape = from.stencil.shape;
    level.stencil.reach = from.stencil.reach;
    level.coarse = from.coarse;
    std::copy_n(from.shares.axes, 3, level.shares.axes);
    for (int offset = 0; offset < kCentre; ++offset) {
      if (has(from.stencil.reach, offset))
        level.stencil.weights[offset] = array(from.stencil.shape);
    }
    level.stencil.centre = array(from.stencil.shape);
    // While the levels are made nothing needs it.
    if (sizeof(S) == 4) level.stencil.reciprocal = array(from.stencil.shape);
    if (levels.size() == plan.levels.size()) break;
    for (int offset = 0; offset < 27; ++offset) {
      if (along(from.shares.axes, offset)) level.shares.share[offset] = array(from.coarse);
    }
  }
}

std::int64_t DiffusionViews::place(const DiffusionPlan& plan, std::byte* base) {
  Layout layout(base);
  const auto arrays = [&]<class S>(StencilArrays<S>& of) {
    of.place(plan, nullptr);
    of.place(plan, layout.place<S>(plan.systems * of.system));
  };
  arrays(exact);
  arrays(narrow);
  const std::int64_t few = plan.levels.back().stencil.shape.points();
  inverse = layout.place<float>(plan.systems * few * few);
  singular = layout.place<int>(plan.systems);
  f.clear();
  u.clear();
  const std::int64_t all = plan.batch * plan.levels[0].stencil.shape.points();
  for (std::int64_t i = 0; i <= plan.first_shared; ++i) {
    const std::int64_t numbers = plan.batch * plan.levels[i].stencil.shape.points();
    f.push_back(layout.place<float>(numbers));
    u.push_back(layout.place<float>(numbers));
  }
  rest = layout.place<float>(plan.first_shared > 0 ? all : 0);
  residual = layout.place<double>(all);
  direction = layout.place<double>(all);
  product = layout.place<double>(all);
  sums = layout.place<double>(plan.batch * plan.sums);
  states = layout.place<DiffusionState>(plan.batch);
  active = layout.place<int>(plan.batch + 1);
  doubted = layout.place<int>(plan.batch);
  return layout.size();
}

template struct StencilArrays<float>;
template struct StencilArrays<double>;

}  // namespace longtail::cuda
