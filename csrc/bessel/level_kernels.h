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

LONGTAIL_DECLARE_PER_LEVEL(KernelTable<0>, kValues)
LONGTAIL_DECLARE_PER_LEVEL(KernelTable<1>, kGradients)
LONGTAIL_DECLARE_PER_LEVEL(KernelTable<2>, kHessians)

}  // namespace longtail::bessel
