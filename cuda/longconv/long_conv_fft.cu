#include "cuda/longconv/long_conv_launch.cuh"

namespace longtail::cuda {
template class FftSteps<float, ConvOnStream>;
template class FftSteps<double, ConvOnStream>;
}  // namespace longtail::cuda
