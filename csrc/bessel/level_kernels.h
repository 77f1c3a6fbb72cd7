#pragma once
// The tables in which each CPU level keeps its kernels; `*.level.cpp` defines them once per level.

#include "bessel/kernels.h"
#include "core/cpu_level.h"

namespace longtail::bessel {

/// The kernels of one derivative order: a row per function, a column per partial derivative.
template <int Order>
struct KernelTable {
  BlockKernel of[kFunctions][Order + 1];
};
struct LevelKernels {
  KernelTable<0> values;
  KernelTable<1> gradients;
  KernelTable<2> hessians;
};

#define LONGTAIL_LEVEL_TABLES(level)      \
  namespace level {                       \
  extern const KernelTable<0> kValues;    \
  extern const KernelTable<1> kGradients; \
  extern const KernelTable<2> kHessians;  \
  }
LONGTAIL_LEVEL_TABLES(scalar)
#if defined(__x86_64__)
LONGTAIL_LEVEL_TABLES(avx2)
LONGTAIL_LEVEL_TABLES(avx512)
#elif defined(__aarch64__)
LONGTAIL_LEVEL_TABLES(neon)
#endif
#undef LONGTAIL_LEVEL_TABLES

}  // namespace longtail::bessel
