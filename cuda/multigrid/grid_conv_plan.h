// Where convolutions of learned multigrid run on CUDA and the memory they need; no CUDA here.
#pragma once

#include "cuda/multigrid/grid_conv_job.h"
#include "multigrid/learned_cycle.h"

namespace longtail::cuda {

/// The first level that a block of threads takes whole, with all coarser ones; the number of levels
/// if there is none. Its window must fit the memory of a block, and its work is to be less than
/// what launches cost: at 16 x 16 points and 24 channels a convolution takes a multiprocessor about
/// as long as a launch and a half.
int block_level(const multigrid::CycleShape& shape);

/// Into how many parts the sums of a weight gradient are cut; by the shape alone.
int gradient_parts(std::int64_t batch, std::int64_t height, std::int64_t width, int stride);

/// Floats: of all prepared weights of a plan, then of partial sums of its largest weight gradient.
struct CycleMemoryPlan {
  std::vector<std::int64_t> prepared;  // offset of each step
  std::int64_t partial, total;         // where the sums begin; all
};
CycleMemoryPlan cycle_memory(const multigrid::CycleShape& shape, const multigrid::CyclePlan& plan);

inline std::int64_t prepared_floats(std::int64_t taps, std::int64_t in, std::int64_t out) {
  return taps * taps * in * rounded_out(out);
}

}  // namespace longtail::cuda
