#include "cuda/rational/poly_launch.cuh"

namespace longtail::cuda {
LONGTAIL_POLY_OF(double)
}  // namespace longtail::cuda
