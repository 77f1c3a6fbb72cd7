// What the host decides of a Hadamard launch.
#include "cuda/attention/hadamard_launch.h"

namespace longtail::cuda {

HadamardSigns hadamard_signs(int base, bool transpose) {
  HadamardSigns signs{};
  for (int i = 0; i < base; ++i) {
    for (int j = 0; j < base; ++j) {
      const int entry =
          transpose ? attention::hadamard_entry(base, j, i) : attention::hadamard_entry(base, i, j);
      const int at = i * base + j;
      if (entry < 0) signs.words[at / 32] |= std::uint32_t{1} << (at % 32);
    }
  }
  return signs;
}

HadamardTiles hadamard_tiles(int bits, int item) {
  const std::int64_t longest = kHadamardShared / item;
  const std::int64_t row = std::int64_t{1} << bits;
  std::int64_t chunk = 2048;  // short rows share a tile
  while (chunk < row && chunk < longest) chunk *= 2;
  const int chunks = static_cast<int>(row > chunk ? row / chunk : 1);
  return {static_cast<unsigned>(chunk / 8), chunks,
          bits > 8 ? static_cast<std::size_t>(chunk * item) : 0};
}

}  // namespace longtail::cuda
