#include "cuda/attention/pattention_launch.cuh"

namespace longtail::cuda {
LONGTAIL_PATTENTION_OF(float16)
LONGTAIL_ATTENTION_CONVERT(float16, float)
LONGTAIL_ATTENTION_CONVERT(float, float16)
}  // namespace longtail::cuda
