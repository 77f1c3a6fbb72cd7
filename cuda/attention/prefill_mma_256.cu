#include "cuda/attention/prefill_launch.cuh"
#include "cuda/attention/prefill_mma.cuh"

namespace longtail::cuda {
LONGTAIL_PREFILL_MMA_OF(256)
}  // namespace longtail::cuda
