#include "cuda/attention/decode_mma.cuh"

#include "cuda/attention/decode_mma_launch.h"
#include "cuda/core/launch.h"

namespace longtail::cuda {
namespace {

template <int Bits>
void launch_bits(const DecodeArguments& arguments, dim3 grid, cudaStream_t stream) {
  const CacheLayout& layout = arguments.layout;
  if (layout.k_width() > 128 || layout.v_width() > 128) {
    kv_decode_mma<Bits, 8><<<grid, kDecodeThreads, 0, stream>>>(arguments);
  } else {
    kv_decode_mma<Bits, 4><<<grid, kDecodeThreads, 0, stream>>>(arguments);
  }
  check_launch("kv_decode_mma");
}

}  // namespace

void launch_decode_mma(const DecodeArguments& arguments, dim3 grid, cudaStream_t stream) {
  if (arguments.layout.bits == 4) {
    launch_bits<4>(arguments, grid, stream);
  } else {
    launch_bits<8>(arguments, grid, stream);
  }
}

}  // namespace longtail::cuda
