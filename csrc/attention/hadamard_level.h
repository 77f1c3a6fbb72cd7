#pragma once
// What each CPU level compiles for hadamard.h (hadamard.level.cpp) and hadamard.cpp chooses from.

#include <cstdint>

#include "core/cpu_level.h"
#include "core/elementwise.h"

namespace longtail::attention {

/// Lanes of the widest vector: columns of HadamardJob::columns are padded to a multiple of them.
inline constexpr int kSignLanes = 16;

/// The transform of rows of base * block elements.
struct HadamardJob {
  std::int64_t block;  // a power of two
  int base;            // 1, or K
  double scale;
  // The matrix of size `base` in the type computed in: rows of `base` entries, and columns of
  // `base` entries padded with zeros to a multiple of kSignLanes.
  const void* rows;
  const void* columns;
};

/// y = transform of `rows` rows of x. `scratch` holds base * block elements of the type computed
/// in, where it is needed.
using HadamardRows = void (*)(const HadamardJob&, std::int64_t rows, const void* x, void* y,
                              void* scratch);

struct HadamardKernels {
  HadamardRows rows[4];  // by element type: float64, float32, float16, bfloat16
};

LONGTAIL_DECLARE_PER_LEVEL(HadamardKernels, kHadamardKernels)

}  // namespace longtail::attention
