#pragma once
// What each CPU level compiles (pattention.level.cpp) and pattention.cpp chooses from. A row of
// scores has `columns` of them, padded with zeros to whole vectors.

#include <cstdint>

#include "attention/pattention_math.h"
#include "core/cpu_level.h"
#include "core/panels.h"

namespace longtail::attention {

template <class S>
struct PattentionKernels : DenseKernels<S> {
  /// Scores become theta.
  void (*weigh)(S* scores, std::int64_t columns, S tau);
  /// Scores become theta, and dtheta the gradient of the scores; `u` is memory for as many.
  void (*pull)(S* scores, S* dtheta, S* u, std::int64_t columns, S tau);
};

LONGTAIL_DECLARE_PER_LEVEL(PattentionKernels<float>, kPattentionFloat)
LONGTAIL_DECLARE_PER_LEVEL(PattentionKernels<double>, kPattentionDouble)

}  // namespace longtail::attention
