// The sizes of tile.cuh, and the matrices that it reads.
#pragma once

#include <cstdint>

#include "core/host_device.h"

namespace longtail::cuda {

constexpr int kTile = 16;
constexpr int kTileThreads = kTile * kTile;
constexpr int kTilePitch = kTile + 1;  // of weights: no bank conflicts
constexpr int kTileDepth = 32;         // of products, at a time
constexpr int kTileOwn = 16;           // channels of a thread
constexpr int kTileChannels = kTile * kTileOwn;

LONGTAIL_HOST_DEVICE inline std::int64_t tiles_of(std::int64_t count) {
  return (count + kTile - 1) / kTile;
}
LONGTAIL_HOST_DEVICE inline std::int64_t channel_tiles_of(std::int64_t count) {
  return (count + kTileChannels - 1) / kTileChannels;
}

// Rows of a matrix [.., width], from `data` on; there are `count` of them, perhaps more than a
// tile.
template <class E>
struct Rows {
  const E* data;
  std::int64_t count, width;
};

}  // namespace longtail::cuda
