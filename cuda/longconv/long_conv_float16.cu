#include "cuda/longconv/long_conv_launch.cuh"

namespace longtail::cuda {
template void launch_conv_spectrum<float16>(const ConvProblem&, compute_type<float16>*, const void*,
                                            const void*, compute_type<float16>*, cudaStream_t);
template void launch_long_conv<float16>(const ConvProblem&, compute_type<float16>*,
                                        const longconv::ConvInputs&, compute_type<float16>*, void*,
                                        cudaStream_t);
template void launch_long_conv_backward<float16>(const ConvProblem&, compute_type<float16>*,
                                                 const longconv::ConvInputs&, const void*,
                                                 const longconv::ConvGradients&,
                                                 compute_type<float16>*, compute_type<float16>*,
                                                 double*, cudaStream_t);
}  // namespace longtail::cuda
