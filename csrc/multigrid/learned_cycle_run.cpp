#include "multigrid/learned_cycle_run.h"

#include "multigrid/grid_transfer.h"
#include "multigrid/winograd.h"

namespace longtail::multigrid {
namespace {

class Run {
 public:
  Run(const CycleShape& shape, const CyclePlan& plan, const CycleMemory& memory,
      const ParallelFor& parallel_for)
      : shape_(shape), plan_(plan), memory_(memory), parallel_for_(parallel_for) {}

  void step(const CycleStep& step, const float* weights, const float* bias, float* dw) {
    const float* from = field(step.from);
    const float* add = field(step.add);
    const float* b = step.bias ? bias : nullptr;
    switch (step.kind) {
      case CycleKind::conv:
        grid_conv(conv_shape(step), step.adjoint, from, signed_weights(step, weights), add, b,
                  field(step.to), parallel_for_);
        break;
      case CycleKind::down:
        grid_down(transfer_shape(step), from, weights + step.weight, field(step.to), parallel_for_);
        break;
      case CycleKind::up:
        grid_up(transfer_shape(step), from, weights + step.weight, add, b, field(step.to),
                parallel_for_);
        break;
      case CycleKind::sum:
        sum(step);
        break;
      case CycleKind::conv_weight:
        grid_conv_weight(conv_shape(step), add, from, dw + step.weight, parallel_for_);
        if (step.negative) negate(dw + step.weight, count(step), dw + step.weight);
        break;
      case CycleKind::transfer_weight:
        grid_transfer_weight(transfer_shape(step), add, from, dw + step.weight, parallel_for_);
    }
  }

 private:
  float* field(int index) const {
    if (index < 0) return nullptr;
    const CycleField& field = plan_.fields[index];
    return memory_.of(field.place) + field.offset * shape_.batch;
  }
  GridConvShape conv_shape(const CycleStep& step) const {
    return {shape_.batch, shape_.height_of(step.level), shape_.width_of(step.level),
            step.adjoint ? step.rows : step.columns, step.adjoint ? step.columns : step.rows};
  }
  TransferShape transfer_shape(const CycleStep& step) const {
    return {shape_.batch,
            shape_.height_of(step.level),
            shape_.width_of(step.level),
            step.rows,
            step.columns,
            step.taps};
  }
  static std::int64_t count(const CycleStep& step) {
    return step.rows * step.columns * step.taps * step.taps;
  }
  static void negate(const float* from, std::int64_t count, float* to) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = -from[i];
  }
  const float* signed_weights(const CycleStep& step, const float* weights) {
    if (!step.negative) return weights + step.weight;
    negated_.resize(count(step));
    negate(weights + step.weight, count(step), negated_.data());
    return negated_.data();
  }
  void sum(const CycleStep& step) {
    const float* a = field(step.from);
    const float* b = field(step.add);
    float* to = field(step.to);
    const std::int64_t size =
        shape_.batch * shape_.points(step.level) * plan_.fields[step.to].channels;
    run_parallel(parallel_for_, 0, size, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = a[i] + b[i];
    });
  }

  const CycleShape& shape_;
  const CyclePlan& plan_;
  const CycleMemory& memory_;
  const ParallelFor& parallel_for_;
  std::vector<float> negated_;
};

}  // namespace

float* CycleMemory::of(Place place) const {
  // Nothing is written to what comes in.
  float* const places[kPlaces] = {
      const_cast<float*>(f),       u, saved, scratch, const_cast<float*>(grad),
      const_cast<float*>(through), df};
  return places[static_cast<int>(place)];
}

void run_cycle(const CycleShape& shape, const CyclePlan& plan, const CycleMemory& memory,
               const float* weights, const float* bias, float* dw,
               const ParallelFor& parallel_for) {
  Run run(shape, plan, memory, parallel_for);
  for (const CycleStep& step : plan.steps) run.step(step, weights, bias, dw);
}

}  // namespace longtail::multigrid
