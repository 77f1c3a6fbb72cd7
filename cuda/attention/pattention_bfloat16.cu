#include "cuda/attention/pattention_launch.cuh"

namespace longtail::cuda {
LONGTAIL_PATTENTION_OF(bfloat16)
LONGTAIL_ATTENTION_CONVERT(bfloat16, float)
LONGTAIL_ATTENTION_CONVERT(float, bfloat16)
}  // namespace longtail::cuda
