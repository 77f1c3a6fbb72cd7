#include "cuda/rational/launch.cuh"

namespace longtail::cuda {
LONGTAIL_RATIONAL_OF(float16)
}  // namespace longtail::cuda
