// The CUDA entry points of quantised attention; no torch here.
#pragma once

#include <cuda_runtime.h>

#include "cuda/attention/prefill_plan.h"

namespace longtail::cuda {

/// Sequences, statistics and codes.
void launch_prefill_preparation(const PrefillPlan& plan, cudaStream_t stream);

/// qbar . (k - kbar) for tasks [begin, end), if the plan smooths queries.
void launch_prefill_rest(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                         cudaStream_t stream);

/// Attention for tasks [begin, end); Channels: the plan's stored_channels.
template <int Channels>
void launch_prefill_mma(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                        cudaStream_t stream);
template <int Channels>
void launch_prefill_wgmma(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                          cudaStream_t stream);
/// Whether the kernels with FP8 values run on the current device: their code was made for sm_89 or
/// later, which is not what a build without 89 has for such a GPU.
bool prefill_has_fp8();
/// The same of wgmma: the device is of compute capability 9.0 and the code was made for sm_90a.
bool prefill_has_wgmma();
void launch_prefill_portable(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                             cudaStream_t stream);

}  // namespace longtail::cuda
