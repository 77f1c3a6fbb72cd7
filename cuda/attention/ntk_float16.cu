#include "cuda/attention/ntk_launch.cuh"

namespace longtail::cuda {
LONGTAIL_NTK_OF(float16)
LONGTAIL_NTK_WITH_PREFIX(float16, float16)
LONGTAIL_NTK_WITH_PREFIX(float16, float)
LONGTAIL_NTK_PREPARE(float16, float)
}  // namespace longtail::cuda
