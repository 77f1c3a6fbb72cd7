// The launch of decode_mma.cuh, a file of its own so that both kernels compile at a time.
#pragma once

#include "cuda/attention/decode_rows.cuh"

namespace longtail::cuda {

void launch_decode_mma(const DecodeArguments& arguments, dim3 grid, cudaStream_t stream);

}  // namespace longtail::cuda
