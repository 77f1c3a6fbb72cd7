// TEMPORARY, until the real kernels land: see csrc/bessel/kernels.cpp.
#pragma once

#include "bessel/function.h"
#include "core/elementwise.h"

namespace longtail::bessel {

BlockKernel block_kernel(Function f, int da, int db);

}  // namespace longtail::bessel
