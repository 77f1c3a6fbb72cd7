#include "cuda/attention/prefill_launch.cuh"
#include "cuda/attention/prefill_wgmma.cuh"

namespace longtail::cuda {

LONGTAIL_PREFILL_WGMMA_OF(64)

namespace {

/// Never run: its shared memory tells the host which of its versions a device has. No version of
/// compute capability 9.0 looks different but for that.
constexpr int kMark = 4096;
__global__ void prefill_wgmma_mark(unsigned char* to) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  __shared__ unsigned char mark[kMark];
  mark[threadIdx.x] = to[threadIdx.x];
  __syncthreads();
  to[threadIdx.x] = mark[kMark - 1 - threadIdx.x];
#endif
}

}  // namespace

bool prefill_has_wgmma() {
  cudaFuncAttributes found{};
  const auto* kernel = reinterpret_cast<const void*>(prefill_wgmma_mark);
  if (cudaFuncGetAttributes(&found, kernel) == cudaSuccess) return found.sharedSizeBytes >= kMark;
  cudaGetLastError();  // no code at all: not the next launch's error
  return false;
}

}  // namespace longtail::cuda
