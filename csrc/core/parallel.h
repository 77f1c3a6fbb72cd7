// The hook through which kernels reach a thread pool that they do not own.
//
// longtail_core starts no threads. A caller that has a pool passes it as a ParallelFor; the torch
// layer passes at::parallel_for, and an empty hook means this thread does all the work.
//
// Work is always cut into the same fixed blocks, whoever runs them, so results never depend on
// the number of threads.
#pragma once

#include <cstdint>
#include <functional>

namespace longtail {

// Does the work of [begin, end). Must be safe to call from several threads at once.
using RangeTask = std::function<void(std::int64_t begin, std::int64_t end)>;

// Covers [begin, end) with calls of `task` on disjoint ranges, each of at least `grain` items
// where the whole allows it, and returns when all are done.
using ParallelFor = std::function<void(std::int64_t begin, std::int64_t end, std::int64_t grain,
                                       const RangeTask& task)>;

inline void run_parallel(const ParallelFor& parallel_for, std::int64_t begin, std::int64_t end,
                         std::int64_t grain, const RangeTask& task) {
  if (begin >= end) return;
  if (parallel_for && end - begin > grain) {
    parallel_for(begin, end, grain, task);
  } else {
    task(begin, end);
  }
}

}  // namespace longtail
