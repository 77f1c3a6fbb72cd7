#pragma once
// Passes over the lines of a grid that follow each other closely, so that what one wrote is still
// in the cache when the next reads it: red points of row r + 1, black ones of row r, and so on.
//
// Every line of every pass is computed once, from the same numbers in whatever order: bits depend
// neither on the order nor on threads. On several threads each has a block of lines, of which a
// pass leaves out those at its ends that need lines of other blocks; these follow, border by
// border.

#include <cstdint>
#include <functional>
#include <vector>

#include "core/parallel.h"
#include "multigrid/grid_memory.h"

namespace longtail::multigrid {

/// Lines [begin, end).
using LineTask = std::function<void(std::int64_t begin, std::int64_t end)>;

/// Line i waits until the pass before is done with lines i - reach to i + reach: what it reads of
/// them is there, and what it overwrites they need no more. `start` makes the task of a thread,
/// whose memory it may hold.
struct Pass {
  std::int64_t reach;
  std::function<LineTask()> start;
};

/// A task without memory of its own.
inline Pass plain_pass(std::int64_t reach, LineTask task) {
  return {reach, [task = std::move(task)]() -> LineTask { return std::cref(task); }};
}

struct Lines {
  std::int64_t count;
  std::int64_t step;   // so many at a time
  std::int64_t grain;  // so many are worth a task
};
Lines lines_of(const GridShape& shape);

/// How far in lines the neighbours of a line are.
inline std::int64_t neighbours(const GridShape& shape) { return shape.flat ? 1 : shape.sizes[1]; }

void run_passes(const std::vector<Pass>& passes, const Lines& lines,
                const ParallelFor& parallel_for);

/// Passes that change u: periodic grids need its ghosts after each; those of others follow each
/// other.
template <class S>
void run_passes_on(const GridShape& shape, S* u, const std::vector<Pass>& passes,
                   const ParallelFor& parallel_for) {
  if (!shape.any_periodic()) return run_passes(passes, lines_of(shape), parallel_for);
  for (const Pass& pass : passes) {
    run_passes({pass}, lines_of(shape), parallel_for);
    wrap_ghosts(shape, u);
  }
}

}  // namespace longtail::multigrid
