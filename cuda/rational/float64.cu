#include "cuda/rational/launch.cuh"

namespace longtail::cuda {
LONGTAIL_RATIONAL_OF(double)
}  // namespace longtail::cuda
