#include "cuda/rational/kan_launch.cuh"

namespace longtail::cuda {
LONGTAIL_KAN_OF(bfloat16)
}  // namespace longtail::cuda
