#include "cuda/multigrid/grid_conv_plan.h"

#include <algorithm>

namespace longtail::cuda {

using multigrid::CycleKind;
using multigrid::CyclePlan;
using multigrid::CycleShape;
using multigrid::CycleStep;

namespace {

/// Points times channels squared that a block takes.
constexpr std::int64_t kMostBlockWork = 256 * 32 * 32;

std::int64_t tiles_of(std::int64_t points, std::int64_t tile) { return (points + tile - 1) / tile; }

}  // namespace

int block_level(const CycleShape& shape) {
  int level = 0;
  for (; level < shape.levels(); ++level) {
    const std::int64_t height = shape.height_of(level), width = shape.width_of(level);
    const std::int64_t channels = std::max(shape.in, shape.channels);
    // One point around, and an even number of points where four taps restrict.
    const bool fits = height <= kGridWindow && width <= kGridWindow &&
                      ((height + 1) / 2 * 2 + 2) * ((width + 1) / 2 * 2 + 2) <= kGridWindow;
    if (fits && height * width * channels * channels <= kMostBlockWork) break;
  }
  return level;
}

int gradient_parts(std::int64_t batch, std::int64_t height, std::int64_t width, int stride) {
  constexpr std::int64_t most = 128, tiles_of_part = 4;
  const std::int64_t tiles =
      batch * tiles_of(height, grid_gradient_rows(stride)) * tiles_of(width, kGradientColumns);
  return static_cast<int>(std::clamp<std::int64_t>(tiles / tiles_of_part, 1, most));
}

CycleMemoryPlan cycle_memory(const CycleShape& shape, const CyclePlan& plan) {
  CycleMemoryPlan result{{}, 0, 0};
  std::int64_t largest = 0;
  for (const CycleStep& step : plan.steps) {
    result.prepared.push_back(result.partial);
    const std::int64_t size = step.rows * step.columns * step.taps * step.taps;
    switch (step.kind) {
      case CycleKind::conv:
        result.partial += step.adjoint ? prepared_floats(3, step.rows, step.columns)
                                       : prepared_floats(3, step.columns, step.rows);
        break;
      case CycleKind::down:
        result.partial += prepared_floats(step.taps, step.columns, step.rows);
        break;
      case CycleKind::up:
        result.partial += prepared_floats(step.taps, step.rows, step.columns);
        break;
      case CycleKind::sum:
        break;
      case CycleKind::conv_weight:
        largest = std::max(largest, size * gradient_parts(shape.batch, shape.height_of(step.level),
                                                          shape.width_of(step.level), 1));
        break;
      case CycleKind::transfer_weight:
        largest =
            std::max(largest, size * gradient_parts(shape.batch, shape.height_of(step.level + 1),
                                                    shape.width_of(step.level + 1), 2));
    }
  }
  result.total = result.partial + largest;
  return result;
}

}  // namespace longtail::cuda
