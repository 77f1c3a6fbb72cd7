#include "cuda/attention/ntk_launch.cuh"

namespace longtail::cuda {
LONGTAIL_NTK_OF(double)
LONGTAIL_NTK_WITH_PREFIX(double, double)
LONGTAIL_NTK_WITH_PREFIX(double, float)
LONGTAIL_NTK_PREPARE(double, double)
LONGTAIL_NTK_PREPARE(float, double)
}  // namespace longtail::cuda
