// Starts kernels on a stream, and the entry point of one size of prefill_mma.cuh and
// prefill_wgmma.cuh.
#pragma once

#include "cuda/attention/prefill_launch.h"
#include "cuda/attention/prefill_work.h"
#include "cuda/core/launch.h"

namespace longtail::cuda {

struct OnStream {
  cudaStream_t stream;

  template <class... Parameters, class... Arguments>
  void operator()(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t shared,
                  Arguments... arguments) const {
    constexpr std::size_t free = 48 * 1024;  // more must be asked for
    if (shared > free) {
      cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                           cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
    }
    kernel<<<grid, threads, shared, stream>>>(arguments...);
    check_launch("quantized_attention");
  }
};

#define LONGTAIL_PREFILL_MMA_OF(Channels)                                                          \
  template <>                                                                                      \
  void launch_prefill_mma<Channels>(const PrefillPlan& plan, std::int64_t begin, std::int64_t end, \
                                    cudaStream_t stream) {                                         \
    run_prefill_mma<Channels>(plan, begin, end, OnStream{stream});                                 \
  }

#define LONGTAIL_PREFILL_WGMMA_OF(Channels)                                        \
  template <>                                                                      \
  void launch_prefill_wgmma<Channels>(const PrefillPlan& plan, std::int64_t begin, \
                                      std::int64_t end, cudaStream_t stream) {     \
    run_prefill_wgmma<Channels>(plan, begin, end, OnStream{stream});               \
  }

}  // namespace longtail::cuda
