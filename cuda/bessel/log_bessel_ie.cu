#include "cuda/bessel/launch.cuh"

template void longtail::cuda::launch<longtail::bessel::Function::log_bessel_ie>(
    int order_first, int order_second, const ElementwiseParams& params, cudaStream_t stream);
