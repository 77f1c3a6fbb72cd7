#pragma once
// What each CPU level compiles (s4d.level.cpp, s4d_step.level.cpp) and s4d.cpp chooses from.
//
// States of a head lie planar: `padded` real parts, then as many imaginary ones, zeros where there
// is no state. `padded` is a multiple of `state_lanes`.

#include "core/cpu_level.h"
#include "core/panels.h"
#include "longconv/s4d.h"

namespace longtail::longconv {

template <class S>
struct S4dKernels : DenseKernels<S> {
  int state_lanes;

  /// `count` times x = power x + added, where `added` moves by `stride` each time; null adds
  /// nothing. Before its step i, x goes to before + i before_stride, unless null.
  void (*carry)(std::int64_t padded, std::int64_t count, const double* power, const S* added,
                std::int64_t stride, double* x, S* before, std::int64_t before_stride);

  /// x = base x + drive u[t] for each t < count.
  void (*advance)(std::int64_t padded, std::int64_t count, const double* base, const double* drive,
                  const S* u, double* x);
};

LONGTAIL_DECLARE_PER_LEVEL(S4dKernels<float>, kS4dFloat)
LONGTAIL_DECLARE_PER_LEVEL(S4dKernels<double>, kS4dDouble)

/// Heads [begin, end) of a step, at most `most` at a time, with memory for seven times as many
/// doubles as these have states, their number rounded up to a multiple of `lanes`.
struct StepHeads {
  void (*run)(const S4dStep& step, void* y, void* new_state, std::int64_t begin, std::int64_t end,
              std::int64_t most, double* memory);
  int lanes;
};
LONGTAIL_DECLARE_PER_LEVEL(StepHeads, kS4dStep)

}  // namespace longtail::longconv
