#include "cuda/attention/prefill_launch.cuh"
#include "cuda/attention/prefill_mma.cuh"

namespace longtail::cuda {

LONGTAIL_PREFILL_MMA_OF(64)

bool prefill_has_fp8() {
  // ptxVersion is what __CUDA_ARCH__ was (over 10) for the code that this device would run.
  cudaFuncAttributes found{};
  const auto* kernel = reinterpret_cast<const void*>(prefill_mma<64, 8, false, ValueFormat::e4m3>);
  if (cudaFuncGetAttributes(&found, kernel) == cudaSuccess) return found.ptxVersion >= 89;
  cudaGetLastError();  // no code at all: not the next launch's error
  return false;
}

}  // namespace longtail::cuda
