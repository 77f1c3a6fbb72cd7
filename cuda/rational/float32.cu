#include "cuda/rational/launch.cuh"

namespace longtail::cuda {
LONGTAIL_RATIONAL_OF(float)
}  // namespace longtail::cuda
