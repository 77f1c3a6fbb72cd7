#include "cuda/longconv/long_conv_launch.cuh"

namespace longtail::cuda {
template void launch_conv_spectrum<float>(const ConvProblem&, compute_type<float>*, const void*,
                                          const void*, compute_type<float>*, cudaStream_t);
template void launch_long_conv<float>(const ConvProblem&, compute_type<float>*,
                                      const longconv::ConvInputs&, compute_type<float>*, void*,
                                      cudaStream_t);
template void launch_long_conv_backward<float>(const ConvProblem&, compute_type<float>*,
                                               const longconv::ConvInputs&, const void*,
                                               const longconv::ConvGradients&, compute_type<float>*,
                                               compute_type<float>*, double*, cudaStream_t);
}  // namespace longtail::cuda
