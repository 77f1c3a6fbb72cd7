#include "cuda/rational/poly_launch.cuh"

namespace longtail::cuda {
LONGTAIL_POLY_OF(float16)
}  // namespace longtail::cuda
