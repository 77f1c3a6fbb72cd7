#include "cuda/multigrid/poisson_plan.h"

#include <optional>

#include "core/buffer.h"
#include "cuda/multigrid/point_tiles.h"

namespace longtail::cuda {
namespace {

using multigrid::Axis;
using multigrid::Box;

std::int64_t sum_of_points(const std::vector<Box>& boxes, std::size_t first) {
  std::int64_t sum = 0;
  for (std::size_t i = first; i < boxes.size(); ++i) sum += boxes[i].points();
  return sum;
}

template <class S>
multigrid::AxisView<S> place_axis(const Axis& axis, Layout& layout) {
  const S* const lower = layout.place<S>(axis.size);
  const S* const diagonal = layout.place<S>(axis.size);
  return {axis.size, axis.periodic(), lower, diagonal, layout.place<S>(axis.size)};
}

}  // namespace

PoissonPlan::PoissonPlan(const Box& box, std::int64_t of_batch, const PoissonOptions& of)
    : batch(of_batch), options(of) {
  const Box unit = multigrid::with_unit_steps(box, scale);
  for (std::optional<Box> next = unit; next; next = multigrid::coarser(*next)) {
    boxes.push_back(*next);
  }
  // The coarsest is always in shared memory: it has few points.
  first_shared = std::ssize(boxes) - 1;
  while (first_shared > 0 && std::ssize(boxes) - first_shared < kMostSharedLevels) {
    --first_shared;
    if (shared_numbers() * std::int64_t{sizeof(float)} <= options.shared_bytes) continue;
    ++first_shared;
    break;
  }
  const std::int64_t sizes[3] = {box.axes[0].size, box.axes[1].size, box.axes[2].size};
  sums = all_points(sizes).blocks;
}

std::int64_t PoissonPlan::shared_numbers() const { return 2 * sum_of_points(boxes, first_shared); }

std::int64_t PoissonViews::place(const PoissonPlan& plan, std::byte* base) {
  Layout layout(base);
  const Box& finest = plan.boxes[0];
  exact.flat = finest.flat;
  for (int d = 0; d < 3; ++d) {
    exact.axes[d] = place_axis<double>(finest.axes[d], layout);
    volumes[d] = finest.singular() ? layout.place<double>(finest.axes[d].size) : nullptr;
  }
  levels.clear();
  for (std::size_t i = 0; i < plan.boxes.size(); ++i) {
    const Box& box = plan.boxes[i];
    multigrid::BoxLevel<float>& level = levels.emplace_back();
    level.box.flat = box.flat;
    for (int d = 0; d < 3; ++d) level.box.axes[d] = place_axis<float>(box.axes[d], layout);
    if (i + 1 == plan.boxes.size()) break;
    level.omega = static_cast<float>(multigrid::over_relaxation(box, plan.boxes[i + 1]));
    for (int d = 0; d < 3; ++d) {
      const std::int64_t fine = box.axes[d].size, coarse = plan.boxes[i + 1].axes[d].size;
      multigrid::InterpolationView<float>& up = level.transfers.up[d];
      for (int k = 0; k < 2; ++k) {
        up.points[k] = layout.place<std::int64_t>(fine);
        up.weights[k] = layout.place<float>(fine);
      }
      multigrid::RestrictionView<float>& down = level.transfers.down[d];
      down.points = layout.place<std::int64_t>(coarse * multigrid::kMostFine);
      down.weights = layout.place<float>(coarse * multigrid::kMostFine);
    }
  }
  const std::int64_t few = plan.boxes.back().points();
  inverse = layout.place<float>(few * few);
  f.clear();
  u.clear();
  v.clear();
  for (std::int64_t i = 0; i <= plan.first_shared; ++i) {
    const std::int64_t numbers = plan.batch * plan.boxes[i].points();
    f.push_back(layout.place<float>(numbers));
    v.push_back(layout.place<float>(numbers));
    u.push_back(i < plan.first_shared ? layout.place<float>(numbers) : nullptr);
  }
  const std::int64_t all = plan.batch * finest.points();
  right = layout.place<double>(all);
  for (double*& iterate : iterates) iterate = layout.place<double>(all);
  sums = layout.place<double>(plan.batch * plan.sums);
  states = layout.place<PoissonState>(plan.batch);
  active = layout.place<int>(plan.batch + 1);
  return layout.size();
}

}  // namespace longtail::cuda
