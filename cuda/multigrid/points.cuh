// How threads are given the points of a grid, and blocks the problems of a batch.
//
// A block of kPointThreads threads goes through tiles of lines: threadIdx runs along the line
// first. blockIdx.y counts problems, and beyond 65535 of them in steps of gridDim.y.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "multigrid/box_math.h"

namespace longtail::cuda {

using multigrid::Place;

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

// Calls visit(plane, row, column) for what this thread is given.
template <class Visit>
__device__ inline void each_column(const PointTiles& tiles, const Visit& visit) {
  const int width = 1 << tiles.log_width;
  const std::int64_t rows = kPointThreads >> tiles.log_width;
  const std::int64_t group = blockIdx.x / tiles.across;
  const std::int64_t column =
      ((blockIdx.x - group * tiles.across) << tiles.log_width) + (threadIdx.x & (width - 1));
  if (column >= tiles.columns) return;
  std::int64_t line = group * tiles.repeats * rows + (threadIdx.x >> tiles.log_width);
  for (int i = 0; i < tiles.repeats; ++i, line += rows) {
    if (line >= tiles.sizes[0] * tiles.sizes[1]) return;
    const std::int64_t plane = tiles.sizes[0] == 1 ? 0 : line / tiles.sizes[1];
    visit(plane, line - plane * tiles.sizes[1], column);
  }
}

// Calls visit(place, index).
template <class Visit>
__device__ inline void each_point(const PointTiles& tiles, const Visit& visit) {
  each_column(tiles, [&](std::int64_t plane, std::int64_t row, std::int64_t x) {
    visit(Place{{plane, row, x}}, (plane * tiles.sizes[1] + row) * tiles.sizes[2] + x);
  });
}

// Those of one colour of red and black.
template <class Visit>
__device__ inline void each_of_colour(const PointTiles& tiles, int colour, const Visit& visit) {
  each_column(tiles, [&](std::int64_t plane, std::int64_t row, std::int64_t column) {
    const std::int64_t x = 2 * column + (plane + row + colour) % 2;
    if (x >= tiles.sizes[2]) return;
    visit(Place{{plane, row, x}}, (plane * tiles.sizes[1] + row) * tiles.sizes[2] + x);
  });
}

// Calls visit(problem) for those of this block.
template <class Visit>
__device__ inline void each_problem(std::int64_t batch, const Visit& visit) {
  for (std::int64_t problem = blockIdx.y; problem < batch; problem += gridDim.y) visit(problem);
}

}  // namespace longtail::cuda
