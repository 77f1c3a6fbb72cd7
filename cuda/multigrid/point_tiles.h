// How the points of a grid are dealt out to blocks.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

namespace longtail::cuda {

constexpr int kPointThreads = 256;

// The same for every GPU, so that sums of blocks are of the same points everywhere.
struct PointTiles {
  std::int64_t sizes[3];
  std::int64_t columns;  // threads that a line is worth: its points, or those of one colour
  int log_width;         // threads along a line, a power of two
  int repeats;           // tiles that a block goes through
  std::int64_t across;   // tiles along a line
  std::int64_t blocks;
};

inline PointTiles point_tiles(const std::int64_t sizes[3], std::int64_t columns) {
  PointTiles tiles{{sizes[0], sizes[1], sizes[2]}, columns, 0, 1, 1, 1};
  while ((1 << tiles.log_width) < kPointThreads && (1 << tiles.log_width) < columns) {
    ++tiles.log_width;
  }
  const std::int64_t lines = sizes[0] * sizes[1], rows = kPointThreads >> tiles.log_width;
  tiles.across = (columns + (1 << tiles.log_width) - 1) >> tiles.log_width;
  // Four thousand blocks fill any GPU; more would only make more sums to add up.
  const std::int64_t all = (lines + rows - 1) / rows * tiles.across;
  tiles.repeats = static_cast<int>(std::clamp<std::int64_t>(all / 4096, 1, 16));
  const std::int64_t of_block = rows * tiles.repeats;
  tiles.blocks = (lines + of_block - 1) / of_block * tiles.across;
  return tiles;
}
// Of all points, or of every other of each line.
inline PointTiles all_points(const std::int64_t sizes[3]) { return point_tiles(sizes, sizes[2]); }
inline PointTiles every_other_point(const std::int64_t sizes[3]) {
  return point_tiles(sizes, (sizes[2] + 1) / 2);
}

inline dim3 point_grid(const PointTiles& tiles, std::int64_t batch) {
  return {static_cast<unsigned>(tiles.blocks),
          static_cast<unsigned>(std::min<std::int64_t>(batch, 65535)), 1};
}

}  // namespace longtail::cuda
