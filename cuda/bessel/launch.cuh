// The body of launch<function>; each cuda/bessel/<function>.cu instantiates it once.
#pragma once

#include "bessel/names.h"
#include "core/check.h"
#include "cuda/bessel/launch.h"
#include "cuda/bessel/log_bessel.cuh"
#include "cuda/core/elementwise.cuh"
#include "cuda/core/launch.h"
#include "cuda/core/precision.h"

namespace longtail::cuda {

template <bessel::Function function>
void launch(int order_first, int order_second, const ElementwiseParams& params,
            cudaStream_t stream) {
  if (params.total == 0) return;
  const char* name = bessel::signature(function).name;
  const auto run = [&](auto functor) {
    elementwise_kernel<<<grid_size(params.total, kThreads), kThreads, 0, stream>>>(params, functor);
    check_launch(name);
  };
  // Second derivatives are always float64: in float32 their 1e-9 would be worth nothing.
  const bool single = order_first + order_second < 2 && prefers_float32(params);
  switch (10 * order_first + order_second) {
    case 0:
      return single ? run(Evaluate<function, 0, 0, float>{})
                    : run(Evaluate<function, 0, 0, double>{});
    case 10:
      return single ? run(Evaluate<function, 1, 0, float>{})
                    : run(Evaluate<function, 1, 0, double>{});
    case 1:
      return single ? run(Evaluate<function, 0, 1, float>{})
                    : run(Evaluate<function, 0, 1, double>{});
    case 20:
      return run(Evaluate<function, 2, 0, double>{});
    case 11:
      return run(Evaluate<function, 1, 1, double>{});
    case 2:
      return run(Evaluate<function, 0, 2, double>{});
    default:
      fail_argument(name, "order", order_first + order_second, "derivatives of order at most 2");
  }
}

}  // namespace longtail::cuda
