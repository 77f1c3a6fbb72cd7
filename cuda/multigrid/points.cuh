// How threads are given the points of a grid, and blocks the problems of a batch.
//
// A block of kPointThreads threads goes through tiles of lines: threadIdx runs along the line
// first. blockIdx.y counts problems, and beyond 65535 of them in steps of gridDim.y.
#pragma once

#include "cuda/multigrid/point_tiles.h"
#include "multigrid/box_math.h"

namespace longtail::cuda {

using multigrid::Place;

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
