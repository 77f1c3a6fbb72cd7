#pragma once
// What each CPU level compiles for hadamard.h (hadamard.level.cpp) and hadamard.cpp chooses from.

#include <cstdint>

#include "core/cpu_level.h"
#include "core/elementwise.h"

namespace longtail::attention {

/// Lanes of the widest vector.
inline constexpr int kMostLanes = 16;

/// The transform of rows of base * block elements.
struct HadamardJob {
  std::int64_t block;  // a power of two
  int base;            // 1, or K
  double scale;
  const void* signs;  // the matrix of size `base`, by rows, in the type computed in
};

/// Elements of the type computed in that a call needs as scratch memory.
constexpr std::int64_t scratch_elements(const HadamardJob& job) {
  const std::int64_t row = job.base * job.block, vectors = 2 * job.base * kMostLanes;
  return row > vectors ? row : vectors;
}

/// y = transform of `rows` rows of x; y may be x.
using HadamardRows = void (*)(const HadamardJob&, std::int64_t rows, const void* x, void* y,
                              void* scratch);

struct HadamardKernels {
  HadamardRows rows[4];  // by element type: float64, float32, float16, bfloat16
};

LONGTAIL_DECLARE_PER_LEVEL(HadamardKernels, kHadamardKernels)

}  // namespace longtail::attention
