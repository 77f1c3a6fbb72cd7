// Hadamard transforms of rows on CUDA, the additions of csrc/attention/hadamard.h in their order:
// the bits of the CPU.
//
// Rows of a power of two: a tile of 8 elements a thread is read once and written once. Stages of
// the three lowest bits of the position stay in a thread's registers, the next five are shuffles,
// the rest goes through shared memory, three bits at a time. A row longer than a tile is several
// chunks, whose last bits meet in registers again.
//
// Rows of K 2^k: the kernel above leaves its blocks of 2^k in scratch memory of the computing type;
// a second one adds K of them with H_K's signs.
#pragma once

#include "cuda/attention/hadamard_launch.h"
#include "cuda/core/element_type.h"
#include "cuda/core/shared.cuh"

namespace longtail::cuda {

// A tile of positions: thread t holds element (window, slot) of 8 slots.
struct HadamardWindow {
  int first_bit;

  __device__ unsigned position(unsigned thread, unsigned slot) const {
    const unsigned low = thread & ((1u << first_bit) - 1u);
    return low | slot << first_bit | (thread >> first_bit) << (first_bit + 3);
  }
};

// Stages of bits [from, to) of the position between the 8 slots, whose lowest bit is `first_bit`.
template <class S>
__device__ inline void slot_stages(S (&v)[8], int first_bit, int from, int to) {
  LONGTAIL_UNROLL
  for (int bit = 0; bit < 3; ++bit) {
    if (first_bit + bit < from || first_bit + bit >= to) continue;
    LONGTAIL_UNROLL
    for (int i = 0; i < 8; ++i) {
      if ((i >> bit & 1) == 0) {
        const S low = v[i], high = v[i + (1 << bit)];
        v[i] = low + high;
        v[i + (1 << bit)] = low - high;
      }
    }
  }
}

// Stages of bits [3, to), to <= 8: those of the thread's place in its warp.
template <class S>
__device__ inline void warp_stages(S (&v)[8], int to) {
  for (int bit = 3; bit < to; ++bit) {
    const unsigned mask = 1u << (bit - 3);
    const bool second = (threadIdx.x & mask) != 0;
    LONGTAIL_UNROLL
    for (int i = 0; i < 8; ++i) {
      const S partner = static_cast<S>(__shfl_xor_sync(0xffffffffu, v[i], mask));
      v[i] = second ? partner - v[i] : v[i] + partner;
    }
  }
}

// Stages of bits [8, to) of a tile, of which thread t holds elements 8 t to 8 t + 7, through
// `shared`, which has room for the tile. Returns which elements it holds then.
template <class S>
__device__ inline HadamardWindow block_stages(S (&v)[8], int to, S* shared) {
  HadamardWindow window{0};
  for (int bit = 8; bit < to;) {
    __syncthreads();  // what was in `shared` has been read
    LONGTAIL_UNROLL
    for (int i = 0; i < 8; ++i) shared[window.position(threadIdx.x, i)] = v[i];
    __syncthreads();
    window.first_bit = bit < to - 3 ? bit : to - 3;
    LONGTAIL_UNROLL
    for (int i = 0; i < 8; ++i) v[i] = shared[window.position(threadIdx.x, i)];
    slot_stages(v, window.first_bit, bit, to);
    bit = window.first_bit + 3;
  }
  return window;
}

// y = scale * transform of rows of 2^bits elements, `total` elements in all. A block takes tiles of
// Chunks * 8 * blockDim.x elements; with more than one chunk, a tile is a row.
template <int Chunks, class E, class Out, class S>
__global__ void __launch_bounds__(kHadamardShared / 8 / int(sizeof(S)))
    hadamard_power(int bits, std::int64_t total, const E* x, S scale, Out* y) {
  S* const shared = dynamic_shared<S>();
  const std::int64_t chunk = std::int64_t{8} * blockDim.x, tile = chunk * Chunks;
  constexpr int chunk_bits = Chunks == 1 ? 0 : Chunks == 2 ? 1 : Chunks == 4 ? 2 : 3;
  const int inner = bits - chunk_bits;  // bits of the position inside a chunk
  for (std::int64_t first = blockIdx.x * tile; first < total; first += gridDim.x * tile) {
    S v[Chunks][8];
    HadamardWindow window{0};
    LONGTAIL_UNROLL
    for (int c = 0; c < Chunks; ++c) {
      const std::int64_t begin = first + c * chunk + std::int64_t{8} * threadIdx.x;
      LONGTAIL_UNROLL
      for (int i = 0; i < 8; ++i) {
        v[c][i] = begin + i < total ? read_as<S>(x[begin + i]) : S(0);
      }
      slot_stages(v[c], 0, 0, inner);
      warp_stages(v[c], inner < 8 ? inner : 8);
      window = block_stages(v[c], inner, shared);
    }
    LONGTAIL_UNROLL
    for (int h = 1; h < Chunks; h *= 2) {
      LONGTAIL_UNROLL
      for (int c = 0; c < Chunks; ++c) {
        if ((c & h) != 0) continue;
        LONGTAIL_UNROLL
        for (int i = 0; i < 8; ++i) {
          const S low = v[c][i], high = v[c + h][i];
          v[c][i] = low + high;
          v[c + h][i] = low - high;
        }
      }
    }
    LONGTAIL_UNROLL
    for (int c = 0; c < Chunks; ++c) {
      LONGTAIL_UNROLL
      for (int i = 0; i < 8; ++i) {
        const std::int64_t at = first + c * chunk + window.position(threadIdx.x, i);
        if (at < total) y[at] = write_as<Out>(v[c][i] * scale);
      }
    }
  }
}

// y[r][i][c] = scale * sum over j of +-a[r][j][c], r < rows, i and j < base, c < block: a block of
// threads takes kMixColumns of the rows * block columns at a time, its warps share the i.
template <class S, class Out>
__global__ void __launch_bounds__(kMixThreads)
    hadamard_mix(HadamardSigns signs, int base, std::int64_t rows, std::int64_t block, const S* a,
                 S scale, Out* y) {
  S* const shared = dynamic_shared<S>();
  const int column = threadIdx.x % kMixColumns, group = threadIdx.x / kMixColumns;
  constexpr int groups = kMixThreads / kMixColumns;
  const std::int64_t columns = rows * block;
  for (std::int64_t first = blockIdx.x * std::int64_t{kMixColumns}; first < columns;
       first += gridDim.x * std::int64_t{kMixColumns}) {
    const std::int64_t at = first + column;
    const std::int64_t origin = at / block * base * block + at % block;
    __syncthreads();  // what was in `shared` has been read
    for (int j = group; j < base; j += groups) {
      shared[j * kMixColumns + column] = at < columns ? a[origin + j * block] : S(0);
    }
    __syncthreads();
    if (at >= columns) continue;
    for (int i = group; i < base; i += groups) {
      S sum = S(0);
      for (int j = 0; j < base; ++j) {
        const S value = shared[j * kMixColumns + column];
        sum = signs.negative(i * base + j) ? sum - value : sum + value;
      }
      y[origin + i * block] = write_as<Out>(sum * scale);
    }
  }
}

}  // namespace longtail::cuda
