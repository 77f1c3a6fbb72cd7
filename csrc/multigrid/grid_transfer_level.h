#pragma once
// Strips of tiles of grid_transfer.h, compiled per CPU level (grid_transfer.level.cpp). A tile is
// 2 x 2 coarse points and the 4 x 4 fine ones between 4 i and 4 i + 3.
//
// Along an axis, products 0, 1, 2 belong to even fine points (taps g = w3, w1), 3, 4, 5 to odd ones
// (g = w2, w0) on the way up. On the way down both add to the same three: 0, 1, 2 from odd points
// (g = w0, w2), 3, 4, 5 from even ones (g = w1, w3).

#include <cstdint>

#include "core/cpu_level.h"
#include "multigrid/grid_transfer.h"
#include "multigrid/winograd_level.h"

namespace longtail::multigrid {

inline constexpr std::int64_t kTransferTiles = 12;
inline constexpr int kProducts = 36;
inline constexpr int kCoarseValues = 25;
inline constexpr int kSums = 9;

struct TransferStrip {
  const TransferShape* shape;
  std::int64_t first, count;  // tiles; count <= kTransferTiles
};

struct TransferKernels {
  /// u [36, coarse, rounded(fine)]; memory: kTransferTiles * (25 rounded(coarse) + 36
  /// rounded(fine)) floats, zeros at first.
  void (*up)(const TransferStrip& strip, const float* x, const float* u, const float* add,
             const float* bias, float* memory, float* y);
  /// u [36, fine, rounded(coarse)]; memory: kTransferTiles * (36 rounded(fine) + 9
  /// rounded(coarse)).
  void (*down)(const TransferStrip& strip, const float* x, const float* u, float* memory, float* y);
  /// Adds to du [36, rounded(coarse), rounded(fine)], as on the way up; memory as there.
  void (*weight)(const TransferStrip& strip, const float* coarse, const float* fine, float* memory,
                 float* du);
};

LONGTAIL_DECLARE_PER_LEVEL(TransferKernels, kTransferKernels)

}  // namespace longtail::multigrid
