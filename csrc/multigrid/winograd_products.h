#pragma once
// What strips of tiles are made of at every CPU level: vectors of channels, and products of the
// tiles' values at one frequency.

#include "core/simd.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid

#include "multigrid/winograd_level.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

using V = native<float>;
constexpr std::int64_t kLane = kLanes<V>;
/// Sums held in registers: rows times vectors of a row; 24 of 32 registers, 8 of 16.
constexpr int kRows = kVectorBytes == 32 ? 4 : 12;
constexpr int kVectors = 2;
static_assert(kStripTiles % kRows == 0);
static_assert(kChannelBlock % (kVectors * kLane) == 0);

/// Visits channels in vectors, of 16, 8, 4 and 1 lanes at the end, so that none reads beyond.
template <class Visit>
LONGTAIL_INLINE void each_channels(std::int64_t count, const Visit& visit) {
  std::int64_t c = 0;
  for (; c + kLane <= count; c += kLane) visit(c, V());
  if constexpr (kLane > 8) {
    if (c + 8 <= count) {
      visit(c, Vec<float, 8>());
      c += 8;
    }
  }
  if constexpr (kLane > 4) {
    if (c + 4 <= count) {
      visit(c, Vec<float, 4>());
      c += 4;
    }
  }
  for (; c < count; ++c) visit(c, float());
}

/// Zeros that stand for points outside of the grid.
alignas(64) constexpr float kZeros[kMostChannels] = {};

/// Tiles of a strip, rounded up to whole groups of rows.
LONGTAIL_INLINE std::int64_t whole_rows(std::int64_t count) {
  return (count + kRows - 1) / kRows * kRows;
}

/// m[t, o] = sum over c of v[t, c] u[c, o] for the tiles of a strip, on top of what stands there or
/// not; rows of v and m are `in_stride` and `out_stride` long.
template <bool Accumulate = false>
LONGTAIL_INLINE void multiply(std::int64_t tiles, std::int64_t in, std::int64_t in_stride,
                              std::int64_t out_stride, const float* v, const float* u, float* m) {
  for (std::int64_t o = 0; o < out_stride; o += kVectors * kLane) {
    for (std::int64_t t = 0; t < tiles; t += kRows) {
      V sum[kRows][kVectors];
      for (int r = 0; r < kRows; ++r) {
        for (int k = 0; k < kVectors; ++k) {
          sum[r][k] = Accumulate ? load<V>(m + (t + r) * out_stride + o + k * kLane) : V(0.f);
        }
      }
      const float* from = v + t * in_stride;
      const float* weights = u + o;
      for (std::int64_t c = 0; c < in; ++c, weights += out_stride) {
        V w[kVectors];
        for (int k = 0; k < kVectors; ++k) w[k] = load<V>(weights + k * kLane);
        for (int r = 0; r < kRows; ++r) {
          const V a = V(from[r * in_stride + c]);
          for (int k = 0; k < kVectors; ++k) sum[r][k] = fma(a, w[k], sum[r][k]);
        }
      }
      for (int r = 0; r < kRows; ++r) {
        for (int k = 0; k < kVectors; ++k) {
          store(m + (t + r) * out_stride + o + k * kLane, sum[r][k]);
        }
      }
    }
  }
}

/// du[c, o] += sum over tiles of v[t, c] g[t, o].
LONGTAIL_INLINE void add_outer(std::int64_t tiles, std::int64_t in, std::int64_t in_stride,
                               std::int64_t out_stride, const float* v, const float* g, float* du) {
  for (std::int64_t o = 0; o < out_stride; o += kVectors * kLane) {
    for (std::int64_t c = 0; c < in; c += kRows) {
      // The last group may lie over the one before: those rows are added once.
      const std::int64_t begin = c + kRows <= in_stride ? c : in_stride - kRows;
      V sum[kRows][kVectors];
      for (int r = 0; r < kRows; ++r) {
        for (int k = 0; k < kVectors; ++k) sum[r][k] = V(0.f);
      }
      for (std::int64_t t = 0; t < tiles; ++t) {
        V w[kVectors];
        for (int k = 0; k < kVectors; ++k) w[k] = load<V>(g + t * out_stride + o + k * kLane);
        for (int r = 0; r < kRows; ++r) {
          const V a = V(v[t * in_stride + begin + r]);
          for (int k = 0; k < kVectors; ++k) sum[r][k] = fma(a, w[k], sum[r][k]);
        }
      }
      for (int r = 0; r < kRows; ++r) {
        if (begin + r < c) continue;
        for (int k = 0; k < kVectors; ++k) {
          float* to = du + (begin + r) * out_stride + o + k * kLane;
          store(to, load<V>(to) + sum[r][k]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
