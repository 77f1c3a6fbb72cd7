#include "cuda/longconv/long_conv_launch.cuh"

namespace longtail::cuda {
template void launch_conv_spectrum<double>(const ConvProblem&, compute_type<double>*, const void*,
                                           const void*, compute_type<double>*, cudaStream_t);
template void launch_long_conv<double>(const ConvProblem&, compute_type<double>*,
                                       const longconv::ConvInputs&, compute_type<double>*, void*,
                                       cudaStream_t);
template void launch_long_conv_backward<double>(const ConvProblem&, compute_type<double>*,
                                                const longconv::ConvInputs&, const void*,
                                                const longconv::ConvGradients&,
                                                compute_type<double>*, compute_type<double>*,
                                                double*, cudaStream_t);
}  // namespace longtail::cuda
