#include "cuda/attention/prefill_launch.cuh"
#include "cuda/attention/prefill_wgmma.cuh"

namespace longtail::cuda {
LONGTAIL_PREFILL_WGMMA_OF(128)
}  // namespace longtail::cuda
