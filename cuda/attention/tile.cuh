// Tiles of 16 rows by 16 others: a thread of 256 has one pair of them and, of products with the
// others, every 16th channel of its row. Plain code for every GPU; sums are taken in a fixed order.
#pragma once

#include <cuda_runtime.h>

#include "cuda/attention/tile.h"
#include "cuda/core/element_type.h"

namespace longtail::cuda {

__device__ inline int tile_row() { return static_cast<int>(threadIdx.x) / kTile; }
__device__ inline int tile_other() { return static_cast<int>(threadIdx.x) % kTile; }

// The product of this thread's row of a and its row of b, of the same width; rows that do not exist
// are 0.
template <class S, class A, class B>
__device__ inline S tile_dot(const Rows<A>& a, const Rows<B>& b) {
  constexpr int kPitch = kTileDepth + 1;
  __shared__ S of_a[kTile * kPitch], of_b[kTile * kPitch];
  S sum(0);
  for (std::int64_t first = 0; first < a.width; first += kTileDepth) {
    __syncthreads();  // the slice before may still be read
    for (int e = threadIdx.x; e < kTile * kTileDepth; e += kTileThreads) {
      const int r = e / kTileDepth, d = e % kTileDepth;
      const bool inside = first + d < a.width;
      of_a[r * kPitch + d] =
          inside && r < a.count ? read_as<S>(a.data[r * a.width + first + d]) : S(0);
      of_b[r * kPitch + d] =
          inside && r < b.count ? read_as<S>(b.data[r * b.width + first + d]) : S(0);
    }
    __syncthreads();
    for (int d = 0; d < kTileDepth; ++d) {
      sum = fma(of_a[tile_row() * kPitch + d], of_b[tile_other() * kPitch + d], sum);
    }
  }
  return sum;
}

// Where every thread's value for its pair can be read by its row. Used again only after a barrier.
template <class S>
__device__ inline void tile_store(S* weights, S value) {
  weights[tile_row() * kTilePitch + tile_other()] = value;
}

// sums[i] += the row's weights times channel `first` + other + 16 i of the others.
template <class S, class E>
__device__ inline void tile_add(const S* weights, const Rows<E>& others, std::int64_t first,
                                S (&sums)[kTileOwn]) {
  const int count = others.count < kTile ? static_cast<int>(others.count) : kTile;
  for (int j = 0; j < count; ++j) {
    const S weight = weights[tile_row() * kTilePitch + j];
    const E* row = others.data + j * others.width;
    for (int i = 0; i < kTileOwn; ++i) {
      const std::int64_t c = first + tile_other() + kTile * i;
      if (c < others.width) sums[i] = fma(weight, read_as<S>(row[c]), sums[i]);
    }
  }
}

// The thread's channels of its row.
template <class E, class S>
__device__ inline void tile_write(const S (&sums)[kTileOwn], std::int64_t first, std::int64_t width,
                                  E* row) {
  for (int i = 0; i < kTileOwn; ++i) {
    const std::int64_t c = first + tile_other() + kTile * i;
    if (c < width) row[c] = write_as<E>(sums[i]);
  }
}

}  // namespace longtail::cuda
