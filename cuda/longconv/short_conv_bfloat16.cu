#include "cuda/longconv/short_conv_launch.cuh"

namespace longtail::cuda {
LONGTAIL_SHORT_CONV_OF(bfloat16, bfloat16)
LONGTAIL_SHORT_CONV_OF(bfloat16, float)
}  // namespace longtail::cuda
