// TEMPORARY, until the real kernels land: see csrc/bessel/kernels.cpp.
#pragma once

#include "core/elementwise.h"

namespace longtail::bessel {

enum class Function : int {
  log_bessel_i,
  log_bessel_k,
  log_bessel_ie,
  log_bessel_ke,
  bessel_i_ratio,
  bessel_k_ratio,
  log_hyp0f1,
  matern
};

BlockKernel block_kernel(Function f, int da, int db);

}  // namespace longtail::bessel
