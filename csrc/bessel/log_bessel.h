// TEMPORARY, until the real math header lands: gives the CUDA sources something to compile.
#pragma once

#include <math.h>

#include "bessel/kernels.h"
#include "core/host_device.h"

namespace longtail::bessel {

template <Function f, int da, int db>
LONGTAIL_HOST_DEVICE inline double evaluate(double first, double second) {
  return ::log(first + second) + da + db + static_cast<int>(f);
}

}  // namespace longtail::bessel
