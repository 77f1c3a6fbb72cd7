#pragma once
// What each CPU level compiles for poly.h (poly.level.cpp) and poly.cpp chooses from.

#include "core/cpu_level.h"
#include "rational/poly.h"

namespace longtail::rational {

/// One row: y, or dx and what the row adds to the sums.
using NormRow = void (*)(const Poly&, double eps, std::int64_t n, const void* x, void* y);
using NormRowBackward = void (*)(const Poly&, double eps, std::int64_t n, const void* grad,
                                 const void* x, void* dx, double* sums);
/// A stretch of elements.
using ReluRow = void (*)(const Poly&, std::int64_t n, const void* x, void* y);
using ReluRowBackward = void (*)(const Poly&, std::int64_t n, const void* grad, const void* x,
                                 void* dx, double* sums);

struct PolyKernels {  // by element type: float64, float32, float16, bfloat16
  NormRow norm[4];
  NormRowBackward norm_backward[4];
  ReluRow relu[4];
  ReluRowBackward relu_backward[4];
};

LONGTAIL_DECLARE_PER_LEVEL(PolyKernels, kPolyKernels)

}  // namespace longtail::rational
