// The bodies of the launches that depend on the element type.
#pragma once

#include "cuda/attention/hadamard_kernels.cuh"
#include "cuda/core/launch.h"

namespace longtail::cuda {

// Blocks beyond these take turns: a grid has at most 2^31 - 1, and each block loops.
constexpr std::int64_t kMostHadamardBlocks = std::int64_t{1} << 20;

inline unsigned hadamard_blocks(std::int64_t elements, std::int64_t of_tile) {
  const std::int64_t tiles = (elements + of_tile - 1) / of_tile;
  return static_cast<unsigned>(tiles < kMostHadamardBlocks ? tiles : kMostHadamardBlocks);
}

template <class E, class Out, class S>
void launch_hadamard_power(std::int64_t rows, std::int64_t size, const E* x, S scale, Out* y,
                           cudaStream_t stream) {
  int bits = 0;
  while (std::int64_t{1} << bits < size) ++bits;
  const HadamardTiles tiles = hadamard_tiles(bits, sizeof(S));
  const std::int64_t total = rows * size;
  const unsigned blocks = hadamard_blocks(total, tiles.elements());
  const auto launch = [&](auto kernel) {
    kernel<<<blocks, tiles.threads, tiles.shared_bytes, stream>>>(bits, total, x, scale, y);
  };
  switch (tiles.chunks) {
    case 1:
      launch(hadamard_power<1, E, Out, S>);
      break;
    case 2:
      launch(hadamard_power<2, E, Out, S>);
      break;
    case 4:
      launch(hadamard_power<4, E, Out, S>);
      break;
    default:
      if constexpr (sizeof(S) == 8) launch(hadamard_power<8, E, Out, S>);
  }
  check_launch("hadamard_transform");
}

template <class E>
void launch_hadamard(std::int64_t rows, int base, std::int64_t block, const E* x, double scale,
                     bool transpose, E* y, void* scratch, cudaStream_t stream) {
  using S = compute_type<E>;
  const S factor = static_cast<S>(scale);
  if (base == 1) return launch_hadamard_power(rows, block, x, factor, y, stream);
  S* const between = static_cast<S*>(scratch);
  launch_hadamard_power(rows * base, block, x, S(1), between, stream);
  hadamard_mix<<<hadamard_blocks(rows * block, kMixColumns), kMixThreads,
                 sizeof(S) * base * kMixColumns, stream>>>(hadamard_signs(base, transpose), base,
                                                           rows, block, between, factor, y);
  check_launch("hadamard_transform");
}

}  // namespace longtail::cuda
