// A launch of blocks of tile.cuh.
#pragma once

#include <limits>

#include "core/check.h"
#include "cuda/attention/tile.cuh"
#include "cuda/core/launch.h"

namespace longtail::cuda {

// Nothing is launched for no blocks.
template <class... Parameters, class... Arguments>
void launch_tiles(const char* name, void (*kernel)(Parameters...), std::int64_t blocks,
                  cudaStream_t stream, const Arguments&... arguments) {
  if (blocks == 0) return;
  check_argument(blocks <= std::numeric_limits<int>::max(), name, "x", blocks,
                 "at most 2^31 - 1 tiles of its rows");
  kernel<<<static_cast<unsigned>(blocks), kTileThreads, 0, stream>>>(arguments...);
  check_launch(name);
}

}  // namespace longtail::cuda
