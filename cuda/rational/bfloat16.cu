#include "cuda/rational/launch.cuh"

namespace longtail::cuda {
LONGTAIL_RATIONAL_OF(bfloat16)
}  // namespace longtail::cuda
