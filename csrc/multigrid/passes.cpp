#include "multigrid/passes.h"

#include <algorithm>

namespace longtail::multigrid {
namespace {

/// Passes as tasks of one thread, and how far the ends of a block move in with each.
class Tasks {
 public:
  explicit Tasks(const std::vector<Pass>& passes) {
    tasks_.reserve(passes.size());
    std::int64_t shrink = 0;
    for (const Pass& pass : passes) {
      if (!tasks_.empty()) shrink += pass.reach;
      tasks_.push_back({pass.start(), pass.reach, shrink, 0, 0});
    }
  }

  /// What can be done of lines [begin, end), between other blocks or at ends of the grid.
  void run_block(std::int64_t begin, std::int64_t end, bool after, bool before, std::int64_t step) {
    for (Task& task : tasks_) {
      task.done = begin + (after ? task.shrink : 0);
      task.end = end - (before ? task.shrink : 0);
    }
    while (tasks_.back().done < tasks_.back().end) {
      std::int64_t ready = tasks_[0].done + step;  // lines that the next task may do
      for (Task& task : tasks_) {
        const std::int64_t to = std::min(ready, task.end);
        if (to > task.done) {
          task.run(task.done, to);
          task.done = to;
        }
        const Task* const next = &task + 1;
        if (next == tasks_.data() + tasks_.size()) break;
        ready = task.done == task.end ? next->end : task.done - next->reach;
      }
    }
  }

  /// What the blocks before and after line `at` left.
  void run_border(std::int64_t at) {
    for (Task& task : tasks_) {
      if (task.shrink > 0) task.run(at - task.shrink, at + task.shrink);
    }
  }

 private:
  struct Task {
    LineTask run;
    std::int64_t reach, shrink, done, end;
  };
  std::vector<Task> tasks_;
};

}  // namespace

Lines lines_of(const GridShape& shape) {
  // A step of a few arrays fits a cache of its own. Fewer points cost more calls, and streams of
  // loads that are too short for the processor to foresee.
  constexpr std::int64_t points_a_step = 1 << 15, points_a_task = 1 << 15;
  const std::int64_t points = shape.sizes[2];
  return {shape.lines(), std::max<std::int64_t>(1, points_a_step / points),
          std::max<std::int64_t>(1, points_a_task / points)};
}

void run_passes(const std::vector<Pass>& passes, const Lines& lines,
                const ParallelFor& parallel_for) {
  const auto in_blocks = [&](const std::vector<Pass>& of, std::int64_t blocks) {
    if (blocks <= 1) return Tasks(of).run_block(0, lines.count, false, false, lines.step);
    const auto start = [&](std::int64_t block) { return block * lines.count / blocks; };
    // Blocks of one task are one.
    std::vector<char> joined(blocks, 0);
    run_parallel(parallel_for, 0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin + 1; i < end; ++i) joined[i] = 1;
      Tasks(of).run_block(start(begin), start(end), begin > 0, end < blocks, lines.step);
    });
    if (of.size() == 1 || std::count(joined.begin(), joined.end(), 0) == 1) return;
    run_parallel(parallel_for, 1, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      Tasks tasks(of);
      for (std::int64_t i = begin; i < end; ++i) {
        if (!joined[i]) tasks.run_border(start(i));
      }
    });
  };
  if (passes.empty() || lines.count == 0) return;
  const std::int64_t most = parallel_for ? std::max<std::int64_t>(1, lines.count / lines.grain) : 1;
  std::int64_t apart = 0;
  for (std::size_t i = 1; i < passes.size(); ++i) apart += passes[i].reach;
  // Borders of neither side may meet, and are to be few.
  const std::int64_t blocks = std::min(most, lines.count / std::max<std::int64_t>(1, 4 * apart));
  constexpr std::int64_t enough = 8;
  if (blocks >= std::min(most, enough)) return in_blocks(passes, blocks);
  for (const Pass& pass : passes) in_blocks({pass}, most);
}

}  // namespace longtail::multigrid
