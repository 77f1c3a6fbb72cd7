#include "multigrid/side_by_side.h"

#include <algorithm>
#include <cstring>

#include "core/buffer.h"

namespace longtail::multigrid {
namespace {

const SideBySideKernels& kernels() {
  static constexpr PerLevel<const SideBySideKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kSideBySideKernels);
  return *levels[cpu_level()];
}

}  // namespace

bool fits_side_by_side(std::int64_t rows, std::int64_t columns, double row_spacing,
                       double column_spacing) {
  const auto [least, most] = std::minmax(row_spacing, column_spacing);
  const auto [shorter, longer] = std::minmax(rows, columns);
  // Then the shorter axis has points left when there are few in all.
  return least > 0 && most <= 2 * least && longer <= 2 * shorter;
}

void solve_side_by_side(const SideBySide& problems, const ParallelFor& parallel_for) {
  const SideBySideKernels& of = kernels();
  const std::int64_t blocks = (problems.batch + of.lanes - 1) / of.lanes;
  run_parallel(parallel_for, 0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t bytes = of.memory(problems.rows, problems.columns);
    const Buffer memory(bytes);
    std::memset(memory.as<void>(), 0, bytes);
    for (std::int64_t block = begin; block < end; ++block) {
      of.solve(problems, block * of.lanes, memory.as<void>());
    }
  });
}

}  // namespace longtail::multigrid
