// The CUDA entry points of quantised key-value caches; no torch here. All pointers are of the
// device.
#pragma once

#include <cuda_runtime.h>

#include "attention/cache.h"
#include "attention/decode.h"
#include "cuda/attention/decode_layout.h"

namespace longtail::cuda {

void launch_kv_append(const attention::CacheLayout& layout, const attention::MutableCache& cache,
                      std::int64_t tokens, const std::int64_t* counts, const void* k, const void* v,
                      cudaStream_t stream);

// Floats of workspace that an attend takes.
std::int64_t decode_workspace(const attention::CacheLayout& layout,
                              const attention::ConstCache& cache, const attention::DecodeCall& call,
                              std::int64_t max_length);

// `kernel` is a wish: DecodeKernel::mma reads 16 bytes at a time and leaves caches that do not lie
// so, views of other tensors at odd places, to the other one.
void launch_kv_decode(DecodeKernel kernel, const attention::CacheLayout& layout,
                      const attention::ConstCache& cache, const attention::DecodeCall& call,
                      std::int64_t max_length, float* workspace, cudaStream_t stream);

}  // namespace longtail::cuda
