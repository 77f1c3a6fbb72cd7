#include "cuda/attention/pattention_launch.cuh"

namespace longtail::cuda {
LONGTAIL_PATTENTION_OF(double)
LONGTAIL_ATTENTION_CONVERT(double, double)
LONGTAIL_ATTENTION_CONVERT(float, double)
LONGTAIL_ATTENTION_CONVERT(double, float)
}  // namespace longtail::cuda
