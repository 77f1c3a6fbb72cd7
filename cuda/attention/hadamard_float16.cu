#include "cuda/attention/hadamard_launch.cuh"

namespace longtail::cuda {
template void launch_hadamard<float16>(std::int64_t, int, std::int64_t, const float16*, double,
                                       bool, float16*, void*, cudaStream_t);
}  // namespace longtail::cuda
