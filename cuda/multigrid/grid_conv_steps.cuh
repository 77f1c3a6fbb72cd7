// Convolutions of learned multigrid and whole cycles of them as launches. Launch is OnStream, or
// the fibres of the tests.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "cuda/multigrid/grid_conv_kernels.cuh"
#include "cuda/multigrid/grid_conv_plan.h"
#include "multigrid/learned_cycle_run.h"

namespace longtail::cuda {

inline unsigned grid_blocks(std::int64_t blocks) {
  if (blocks > 2147483647) {
    throw std::invalid_argument("grid_conv: the grids have more than 2^31 - 1 tiles of points");
  }
  return static_cast<unsigned>(blocks);
}

template <class Launch>
class GridConvLaunches {
 public:
  explicit GridConvLaunches(const Launch& launch) : launch_(launch) {}

  void prepare(const std::vector<GridWeightJob>& jobs) const {
    for (std::size_t begin = 0; begin < jobs.size(); begin += kMostGridWeights) {
      const std::size_t count = std::min<std::size_t>(jobs.size() - begin, kMostGridWeights);
      GridWeightJobs batch{};
      std::copy_n(jobs.begin() + static_cast<std::ptrdiff_t>(begin), count, batch.job);
      launch_(grid_prepare_weights, dim3{8, static_cast<unsigned>(count), 1}, 256, 0, batch);
    }
  }

  /// One or two jobs on grids of the same size.
  void convolve(std::int64_t batch, const GridConvJob& first, const GridConvJob* second) const {
    const GridTile tile = tile_of(first);
    const std::int64_t tiles =
        tiles_of(first.height, tile.rows) * tiles_of(first.width, tile.columns);
    const dim3 grid{grid_blocks(batch * tiles), second ? 2u : 1u, 1};
    launch_(grid_convolve, grid, kGridConvThreads, 0, first, second ? *second : first);
  }

  void cycle(std::int64_t batch, const GridConvJobs& jobs) const {
    launch_(grid_cycle, dim3{grid_blocks(batch), 1, 1}, kGridCycleThreads, 0, jobs);
  }

  void sum(const float* a, const float* b, std::int64_t size, float* to) const {
    launch_(grid_sum, dim3{grid_blocks((size + 255) / 256), 1, 1}, 256, 0, a, b, size, to);
  }

  void gradient(const GridGradientJob& job, int stride, int taps) const {
    const int blocks = (job.in + kGradientChannels - 1) / kGradientChannels *
                       ((job.out + kGradientChannels - 1) / kGradientChannels);
    const dim3 grid{static_cast<unsigned>(job.parts), static_cast<unsigned>(blocks), 1};
    if (stride == 1) {
      launch_(grid_gradient<1, 3>, grid, 192, 0, job);
    } else if (taps == 3) {
      launch_(grid_gradient<2, 3>, grid, 192, 0, job);
    } else {
      launch_(grid_gradient<2, 4>, grid, 256, 0, job);
    }
    const std::int64_t size = std::int64_t{job.out} * job.in * taps * taps;
    launch_(grid_gradient_collect, dim3{grid_blocks((size + 255) / 256), 1, 1}, 256, 0, job, size);
  }

 private:
  const Launch& launch_;
};

/// A cycle, forward or back. `memory` as cycle_memory() says.
template <class Launch>
class CycleLaunches {
 public:
  CycleLaunches(const multigrid::CycleShape& shape, const multigrid::CyclePlan& plan,
                const multigrid::CycleMemory& fields, const Launch& launch, float* memory)
      : shape_(shape),
        plan_(plan),
        fields_(fields),
        launches_(launch),
        memory_(memory),
        memory_plan_(cycle_memory(shape, plan)) {}

  void run(const float* weights, const float* bias, float* dw) {
    prepare(weights);
    const int from = block_level(shape_);
    const auto& steps = plan_.steps;
    for (std::size_t k = 0; k < steps.size();) {
      if (is_gradient(steps[k])) {
        gradient(steps[k++], dw);
      } else if (steps[k].level >= from) {
        GridConvJobs jobs{};
        for (; k < steps.size() && !is_gradient(steps[k]) && steps[k].level >= from &&
               jobs.count < kMostGridJobs;
             ++k) {
          jobs.job[jobs.count++] = job_of(k, bias);
        }
        launches_.cycle(shape_.batch, jobs);
      } else if (steps[k].kind == CycleKind::sum) {
        const GridConvJob job = job_of(k++, bias);
        launches_.sum(job.from, job.add, shape_.batch * job.height * job.width * job.out, job.to);
      } else {
        const GridConvJob first = job_of(k, bias);
        const bool two = k + 1 < steps.size() && pair(steps[k], steps[k + 1]);
        const GridConvJob second = two ? job_of(k + 1, bias) : first;
        launches_.convolve(shape_.batch, first, two ? &second : nullptr);
        k += two ? 2 : 1;
      }
    }
  }

 private:
  using CycleKind = multigrid::CycleKind;
  using CycleStep = multigrid::CycleStep;

  static bool is_gradient(const CycleStep& step) {
    return step.kind == CycleKind::conv_weight || step.kind == CycleKind::transfer_weight;
  }
  /// Pi u and R f, and their transposes, do not read each other's results.
  static bool pair(const CycleStep& a, const CycleStep& b) {
    return a.kind == b.kind && a.level == b.level && a.to != b.from && a.to != b.add &&
           (a.kind == CycleKind::down || a.kind == CycleKind::up);
  }

  void prepare(const float* weights) const {
    std::vector<GridWeightJob> jobs;
    for (std::size_t k = 0; k < plan_.steps.size(); ++k) {
      const CycleStep& step = plan_.steps[k];
      if (is_gradient(step) || step.kind == CycleKind::sum) continue;
      const bool adjoint = step.kind == CycleKind::conv && step.adjoint;
      jobs.push_back({weights + step.weight, memory_ + memory_plan_.prepared[k],
                      static_cast<int>(step.rows), static_cast<int>(step.columns), step.taps,
                      adjoint || step.kind == CycleKind::up, adjoint, step.negative});
    }
    launches_.prepare(jobs);
  }

  float* field(int index) const {
    if (index < 0) return nullptr;
    const multigrid::CycleField& field = plan_.fields[index];
    return fields_.of(field.place) + field.offset * shape_.batch;
  }
  GridConvJob job_of(std::size_t k, const float* bias) const {
    const CycleStep& step = plan_.steps[k];
    GridConvJob job{};
    job.from = field(step.from);
    job.add = field(step.add);
    job.to = field(step.to);
    job.bias = step.bias ? bias : nullptr;
    job.weights = memory_ + memory_plan_.prepared[k];
    const int to_level = plan_.fields[step.to].level, from_level = plan_.fields[step.from].level;
    job.height = shape_.height_of(to_level);
    job.width = shape_.width_of(to_level);
    job.from_height = shape_.height_of(from_level);
    job.from_width = shape_.width_of(from_level);
    job.in = static_cast<int>(plan_.fields[step.from].channels);
    job.out = static_cast<int>(plan_.fields[step.to].channels);
    job.taps = step.taps;
    job.stride = step.kind == CycleKind::down ? 2 : 1;
    job.kind = step.kind == CycleKind::up    ? GridConvKind::spread
               : step.kind == CycleKind::sum ? GridConvKind::sum
                                             : GridConvKind::gather;
    return job;
  }
  void gradient(const CycleStep& step, float* dw) const {
    const int stride = step.kind == CycleKind::conv_weight ? 1 : 2;
    const int level = step.level + stride - 1;
    GridGradientJob job{};
    job.grad = field(step.add);
    job.x = field(step.from);
    job.partial = memory_ + memory_plan_.partial;
    job.dw = dw + step.weight;
    job.batch = shape_.batch;
    job.height = shape_.height_of(level);
    job.width = shape_.width_of(level);
    job.x_height = shape_.height_of(step.level);
    job.x_width = shape_.width_of(step.level);
    job.out = static_cast<int>(step.rows);
    job.in = static_cast<int>(step.columns);
    job.parts = gradient_parts(job.batch, job.height, job.width, stride);
    job.negative = step.negative;
    launches_.gradient(job, stride, step.taps);
  }

  const multigrid::CycleShape& shape_;
  const multigrid::CyclePlan& plan_;
  const multigrid::CycleMemory& fields_;
  const GridConvLaunches<Launch> launches_;
  float* memory_;
  const CycleMemoryPlan memory_plan_;
};

}  // namespace longtail::cuda
