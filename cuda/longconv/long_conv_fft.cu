#include "cuda/longconv/long_conv_launch.cuh"

namespace longtail::cuda {
template class FftSteps<float, OnStream>;
template class FftSteps<double, OnStream>;
}  // namespace longtail::cuda
