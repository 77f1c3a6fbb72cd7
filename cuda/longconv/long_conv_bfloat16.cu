#include "cuda/longconv/long_conv_launch.cuh"

namespace longtail::cuda {
template void launch_conv_spectrum<bfloat16>(const ConvProblem&, compute_type<bfloat16>*,
                                             const void*, const void*, compute_type<bfloat16>*,
                                             cudaStream_t);
template void launch_long_conv<bfloat16>(const ConvProblem&, compute_type<bfloat16>*,
                                         const longconv::ConvInputs&, compute_type<bfloat16>*,
                                         void*, cudaStream_t);
template void launch_long_conv_backward<bfloat16>(const ConvProblem&, compute_type<bfloat16>*,
                                                  const longconv::ConvInputs&, const void*,
                                                  const longconv::ConvGradients&,
                                                  compute_type<bfloat16>*, compute_type<bfloat16>*,
                                                  double*, cudaStream_t);
}  // namespace longtail::cuda
