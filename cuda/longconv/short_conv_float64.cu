#include "cuda/longconv/short_conv_launch.cuh"

namespace longtail::cuda {
LONGTAIL_SHORT_CONV_OF(double, double)
LONGTAIL_SHORT_CONV_OF(double, float)
}  // namespace longtail::cuda
