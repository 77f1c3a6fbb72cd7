#include "cuda/attention/hadamard_launch.cuh"

namespace longtail::cuda {
template void launch_hadamard<bfloat16>(std::int64_t, int, std::int64_t, const bfloat16*, double,
                                        bool, bfloat16*, void*, cudaStream_t);
}  // namespace longtail::cuda
