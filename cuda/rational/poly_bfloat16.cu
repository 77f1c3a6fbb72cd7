#include "cuda/rational/poly_launch.cuh"

namespace longtail::cuda {
LONGTAIL_POLY_OF(bfloat16)
}  // namespace longtail::cuda
