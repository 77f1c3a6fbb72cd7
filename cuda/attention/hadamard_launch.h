// The CUDA entry points of Hadamard transforms; no torch here.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "attention/hadamard_base.h"
#include "core/host_device.h"

namespace longtail::cuda {

constexpr int kHadamardShared = 1 << 15;  // bytes; every GPU grants them without asking
constexpr int kMixThreads = 256;
constexpr int kMixColumns = 32;  // a warp's

// H_K, or its transpose, by rows: a bit is 1 where the entry is -1. Travels as a kernel argument.
struct HadamardSigns {
  std::uint32_t
      words[(attention::kLargestHadamardBase * attention::kLargestHadamardBase + 31) / 32];

  LONGTAIL_HOST_DEVICE bool negative(int entry) const {
    return (words[entry / 32] >> (entry % 32) & 1u) != 0;
  }
};
HadamardSigns hadamard_signs(int base, bool transpose);

// How a launch cuts rows of 2^bits elements, computed in `item` bytes an element, into tiles.
struct HadamardTiles {
  unsigned threads;
  int chunks;                // of 8 elements a thread each, in one tile
  std::size_t shared_bytes;  // of one chunk, where stages go through shared memory

  std::int64_t elements() const { return std::int64_t{8} * threads * chunks; }
};
HadamardTiles hadamard_tiles(int bits, int item);

// y = scale * H x for rows of n = base * block contiguous elements, as in
// csrc/attention/hadamard.h. `scratch` holds rows * n elements of the type computed in where base
// > 1.
template <class E>
void launch_hadamard(std::int64_t rows, int base, std::int64_t block, const E* x, double scale,
                     bool transpose, E* y, void* scratch, cudaStream_t stream);

}  // namespace longtail::cuda
