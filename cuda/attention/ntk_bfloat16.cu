#include "cuda/attention/ntk_launch.cuh"

namespace longtail::cuda {
LONGTAIL_NTK_OF(bfloat16)
LONGTAIL_NTK_WITH_PREFIX(bfloat16, bfloat16)
LONGTAIL_NTK_WITH_PREFIX(bfloat16, float)
LONGTAIL_NTK_PREPARE(bfloat16, float)
}  // namespace longtail::cuda
