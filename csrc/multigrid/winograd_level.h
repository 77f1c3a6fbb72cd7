#pragma once
// Strips of tiles of winograd.h, compiled per CPU level (winograd.level.cpp).

#include <cstdint>

#include "core/cpu_level.h"
#include "core/host_device.h"
#include "multigrid/winograd.h"

namespace longtail::multigrid {

/// Tiles that are worked on together, and what channels are rounded up to, with zeros.
inline constexpr std::int64_t kStripTiles = 24;
inline constexpr std::int64_t kChannelBlock = 32;
inline constexpr int kFrequencies = 16;
inline constexpr std::int64_t kMostChannels = 256;

LONGTAIL_INLINE std::int64_t rounded_channels(std::int64_t channels) {
  return (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
}

/// Tiles [first, first + count) of all tiles, row by row, image by image; count <= kStripTiles.
struct Strip {
  const GridConvShape* shape;
  std::int64_t first, count;
};

struct WinogradKernels {
  /// y of a strip. u: G w G^T as [16, in, rounded(out)]; memory: 16 * kStripTiles *
  /// (rounded(in) + rounded(out)) floats, zeros at first.
  void (*forward)(const Strip& strip, const float* x, const float* u, const float* add,
                  const float* bias, float* memory, float* y);
  /// Adds to du [16, rounded(in), rounded(out)] what a strip gives.
  void (*weight)(const Strip& strip, const float* grad, const float* x, float* memory, float* du);
};

LONGTAIL_DECLARE_PER_LEVEL(WinogradKernels, kWinogradKernels)

}  // namespace longtail::multigrid
