#include "cuda/longconv/short_conv_launch.cuh"

namespace longtail::cuda {
LONGTAIL_SHORT_CONV_OF(float16, float16)
LONGTAIL_SHORT_CONV_OF(float16, float)
}  // namespace longtail::cuda
