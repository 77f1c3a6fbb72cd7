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
/// Sums held in registers: rows times vectors of a row; at most 24 of 32 registers, 8 of 16.
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

/// Sums of kRows rows over vectors of a row's columns: add() adds a[r] w[o], where the a's are
/// `stride` apart.
template <int Vectors>
struct WholeSums {
  V sum[kRows][Vectors];

  LONGTAIL_INLINE void zero() {
    for (int r = 0; r < kRows; ++r) {
      for (int k = 0; k < Vectors; ++k) sum[r][k] = V(0.f);
    }
  }
  LONGTAIL_INLINE void read(const float* m, std::int64_t row) {
    for (int r = 0; r < kRows; ++r) {
      for (int k = 0; k < Vectors; ++k) sum[r][k] = load<V>(m + r * row + k * kLane);
    }
  }
  LONGTAIL_INLINE void add(const float* a, std::int64_t stride, const float* weights) {
    V w[Vectors];
    for (int k = 0; k < Vectors; ++k) w[k] = load<V>(weights + k * kLane);
    for (int r = 0; r < kRows; ++r) {
      const V factor = V(a[r * stride]);
      for (int k = 0; k < Vectors; ++k) sum[r][k] = fma(factor, w[k], sum[r][k]);
    }
  }
  LONGTAIL_INLINE void write(float* m, std::int64_t row) const {
    for (int r = 0; r < kRows; ++r) {
      for (int k = 0; k < Vectors; ++k) store(m + r * row + k * kLane, sum[r][k]);
    }
  }
  LONGTAIL_INLINE void write_onto(float* m, std::int64_t row, int first) const {
    for (int r = 0; r < kRows; ++r) {
      if (r < first) continue;
      for (int k = 0; k < Vectors; ++k) {
        float* to = m + r * row + k * kLane;
        store(to, load<V>(to) + sum[r][k]);
      }
    }
  }
};

#ifdef __AVX512F__
/// The same for rows of one vector and a half: two rows share a third vector, so that 24 channels
/// take three products where whole vectors take four.
struct SharedSums {
  using Half = Vec<float, 8>;
  V own[kRows], shared[kRows / 2];

  static LONGTAIL_INLINE V both(Half low, Half high) {
    return V(__builtin_shufflevector(low.raw, high.raw, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                     13, 14, 15));
  }
  /// Lanes 0 to 7 of a, 8 to 15 of b.
  static LONGTAIL_INLINE V halves(V a, V b) {
    return V(__builtin_shufflevector(a.raw, b.raw, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29,
                                     30, 31));
  }
  static LONGTAIL_INLINE Half low(V v) {
    return Half(__builtin_shufflevector(v.raw, v.raw, 0, 1, 2, 3, 4, 5, 6, 7));
  }
  static LONGTAIL_INLINE Half high(V v) {
    return Half(__builtin_shufflevector(v.raw, v.raw, 8, 9, 10, 11, 12, 13, 14, 15));
  }

  LONGTAIL_INLINE void zero() {
    for (int r = 0; r < kRows; ++r) own[r] = V(0.f);
    for (int r = 0; r < kRows / 2; ++r) shared[r] = V(0.f);
  }
  LONGTAIL_INLINE void read(const float* m, std::int64_t row) {
    for (int r = 0; r < kRows; ++r) own[r] = load<V>(m + r * row);
    for (int r = 0; r < kRows; r += 2) {
      const float* rest = m + r * row + kLane;
      shared[r / 2] = both(load<Half>(rest), load<Half>(rest + row));
    }
  }
  LONGTAIL_INLINE void add(const float* a, std::int64_t stride, const float* weights) {
    const V w = load<V>(weights);
    const Half rest = load<Half>(weights + kLane);
    const V twice = both(rest, rest);
    for (int r = 0; r < kRows; r += 2) {
      V first = V(a[r * stride]), second = V(a[(r + 1) * stride]);
      // Each is read twice: GCC would load it twice, and loads are what this loop waits for.
      asm("" : "+v"(first.raw), "+v"(second.raw));
      own[r] = fma(first, w, own[r]);
      own[r + 1] = fma(second, w, own[r + 1]);
      shared[r / 2] = fma(halves(first, second), twice, shared[r / 2]);
    }
  }
  LONGTAIL_INLINE void write(float* m, std::int64_t row) const {
    for (int r = 0; r < kRows; ++r) store(m + r * row, own[r]);
    for (int r = 0; r < kRows; r += 2) {
      float* rest = m + r * row + kLane;
      store(rest, low(shared[r / 2]));
      store(rest + row, high(shared[r / 2]));
    }
  }
  LONGTAIL_INLINE void write_onto(float* m, std::int64_t row, int first) const {
    for (int r = 0; r < kRows; ++r) {
      if (r < first) continue;
      float* to = m + r * row;
      store(to, load<V>(to) + own[r]);
      const V pair = shared[r / 2];
      const Half rest = r % 2 ? high(pair) : low(pair);
      store(to + kLane, load<Half>(to + kLane) + rest);
    }
  }
};
#endif

/// Calls run(o, sums) for each block of columns, with sums that hold as many as are left.
template <class Run>
LONGTAIL_INLINE void each_columns(std::int64_t columns, const Run& run) {
  for (std::int64_t o = 0; o < columns; o += kVectors * kLane) {
    const std::int64_t left = columns - o;
    if (left <= kLane) {
      run(o, WholeSums<1>());
      continue;
    }
#ifdef __AVX512F__
    if (left <= kLane + 8) {
      run(o, SharedSums());
      continue;
    }
#endif
    run(o, WholeSums<kVectors>());
  }
}

/// m[t, o] = sum over c of v[t, c] u[c, o] for the tiles of a strip, on top of what stands there or
/// not; rows of v and m are `in_stride` and `out_stride` long.
template <bool Accumulate = false>
LONGTAIL_INLINE void multiply(std::int64_t tiles, std::int64_t in, std::int64_t out,
                              std::int64_t in_stride, std::int64_t out_stride, const float* v,
                              const float* u, float* m) {
  each_columns(out, [&](std::int64_t o, auto sums) {
    for (std::int64_t t = 0; t < tiles; t += kRows) {
      float* to = m + t * out_stride + o;
      if constexpr (Accumulate) {
        sums.read(to, out_stride);
      } else {
        sums.zero();
      }
      const float* from = v + t * in_stride;
      for (std::int64_t c = 0; c < in; ++c) sums.add(from + c, in_stride, u + c * out_stride + o);
      sums.write(to, out_stride);
    }
  });
}

/// du[c, o] += sum over tiles of v[t, c] g[t, o].
LONGTAIL_INLINE void add_outer(std::int64_t tiles, std::int64_t in, std::int64_t out,
                               std::int64_t in_stride, std::int64_t out_stride, const float* v,
                               const float* g, float* du) {
  each_columns(out, [&](std::int64_t o, auto sums) {
    for (std::int64_t c = 0; c < in; c += kRows) {
      // The last group may lie over the one before: those rows are added once.
      const std::int64_t begin = c + kRows <= in_stride ? c : in_stride - kRows;
      sums.zero();
      for (std::int64_t t = 0; t < tiles; ++t) {
        sums.add(v + t * in_stride + begin, 1, g + t * out_stride + o);
      }
      sums.write_onto(du + begin * out_stride + o, out_stride, static_cast<int>(c - begin));
    }
  });
}

}  // namespace
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
