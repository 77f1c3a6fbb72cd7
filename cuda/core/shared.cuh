// Shared memory whose size the launch decides, and aligned reads from it.
#pragma once

#include <cuda_runtime.h>

namespace longtail::cuda {

// The block's shared memory, aligned to 16 bytes.
template <class S>
__device__ inline S* dynamic_shared() {
#if defined(__CUDACC__)
  extern __shared__ __align__(16) unsigned char longtail_shared[];
  return reinterpret_cast<S*>(longtail_shared);
#else
  return static_cast<S*>(simt::dynamic_shared);
#endif
}

// Four neighbours, read at once.
template <class S>
struct Four {
  S of[4];
};
template <class S>
__device__ inline Four<S> load_four(const S* from) {
  Four<S> result;
  __builtin_memcpy(&result, __builtin_assume_aligned(from, 16), sizeof(result));
  return result;
}

}  // namespace longtail::cuda
