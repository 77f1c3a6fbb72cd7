#include "cuda/attention/ntk_launch.cuh"

namespace longtail::cuda {
LONGTAIL_NTK_OF(float)
LONGTAIL_NTK_WITH_PREFIX(float, float)
LONGTAIL_NTK_PREPARE(float, float)
}  // namespace longtail::cuda
