#include "cuda/attention/hadamard_launch.cuh"

namespace longtail::cuda {
template void launch_hadamard<double>(std::int64_t, int, std::int64_t, const double*, double, bool,
                                      double*, void*, cudaStream_t);
}  // namespace longtail::cuda
