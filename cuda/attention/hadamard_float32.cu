#include "cuda/attention/hadamard_launch.cuh"

namespace longtail::cuda {
template void launch_hadamard<float>(std::int64_t, int, std::int64_t, const float*, double, bool,
                                     float*, void*, cudaStream_t);
}  // namespace longtail::cuda
