#include "cuda/attention/pattention_launch.cuh"

namespace longtail::cuda {
LONGTAIL_PATTENTION_OF(float)
LONGTAIL_ATTENTION_CONVERT(float, float)
}  // namespace longtail::cuda
