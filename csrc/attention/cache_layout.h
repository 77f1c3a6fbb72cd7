// How a quantised key-value cache lies in memory: what CPU, CUDA and tests agree on.
//
// The tokens of one sequence and head are cut into tiles of 64. A tile has
//
//   K codes   [k_width / n][64] words   n = 32 / bits codes a word, of n channels of one token:
//                                       vectors over words run over tokens
//   V codes   [64 / n][v_width] words   of n tokens of one channel: vectors run over channels
//   K grids   channel: [k_width]; token_rotated: [k_groups][64]
//   V grids   [v_groups][64]
//
// Code i of a word sits at bit 8 (i % 4) + 4 (i / 4) for 4 bits, 16 (i % 2) + 8 (i / 2) for 8 bits:
// the word itself and the word shifted right by `bits`, both masked, have the first and the second
// half of its codes as the bytes or as the 16-bit halves that a dot product takes, beside as many
// 8-bit or 16-bit values of a query.
//
// A grid is one word too: value = scale * (code + zero), the scale a bfloat16 in the upper half,
// zero a signed fixed-point number in the lower half. Relative to the scale, zero is as exact for
// a channel with a large mean as for one without.
#pragma once

#include <cstdint>

#include "core/elementwise.h"
#include "core/host_device.h"

namespace longtail::attention {

/// Tokens of a tile, of a group of K format "channel", and behind the frozen mean of
/// "token_rotated".
inline constexpr int kTileTokens = 64;
/// Head dimensions, K and V.
inline constexpr int kMaxHeadDim = 256;

enum class KFormat { channel, token_rotated };

struct CacheLayout {
  int bits;  // 4 or 8
  KFormat format;
  int group;  // channels that share a grid, a multiple of 32
  int k_dim, v_dim;

  /// K channels that hold something: rotated keys have a power of two.
  LONGTAIL_HOST_DEVICE constexpr int k_channels() const {
    if (format == KFormat::channel) return k_dim;
    int size = 1;
    while (size < k_dim) size *= 2;
    return size;
  }
  LONGTAIL_HOST_DEVICE constexpr int per_word() const { return 32 / bits; }
  LONGTAIL_HOST_DEVICE constexpr int k_width() const { return (k_channels() + 31) / 32 * 32; }
  LONGTAIL_HOST_DEVICE constexpr int v_width() const { return (v_dim + 31) / 32 * 32; }
  LONGTAIL_HOST_DEVICE constexpr int k_groups() const { return (k_width() + group - 1) / group; }
  LONGTAIL_HOST_DEVICE constexpr int v_groups() const { return (v_width() + group - 1) / group; }

  // Words of a tile.
  LONGTAIL_HOST_DEVICE constexpr int k_codes() const {
    return k_width() / per_word() * kTileTokens;
  }
  LONGTAIL_HOST_DEVICE constexpr int v_codes() const {
    return kTileTokens / per_word() * v_width();
  }
  LONGTAIL_HOST_DEVICE constexpr int k_grids() const {
    return format == KFormat::channel ? k_width() : k_groups() * kTileTokens;
  }
  LONGTAIL_HOST_DEVICE constexpr int v_grids() const { return v_groups() * kTileTokens; }
};

/// How many keys of a sequence have codes when `count` tokens follow `length` of which `packed`
/// had.
LONGTAIL_HOST_DEVICE inline std::int64_t packed_after(KFormat format, std::int64_t length,
                                                      std::int64_t packed, std::int64_t count) {
  const std::int64_t all = length + count;
  if (format == KFormat::channel) return all / kTileTokens * kTileTokens;
  return packed > 0 || all >= kTileTokens ? all : 0;
}

/// One sequence and head. Keys of tokens before `packed` are codes, the others are exact: token
/// packed + i is row i of `tail`, of the cache's element type.
template <class Word, class Byte, class Mean>
struct CacheHead {
  Word *k_codes, *k_grids, *v_codes, *v_grids;
  Byte* tail;  // [64, k_dim]
  Mean* mean;  // [k_dim], subtracted from keys before they are rotated
};

/// The tensors of a whole cache: [batch, kv_heads, ...], contiguous, `tiles` a head.
template <class Word, class Byte, class Mean, class Count>
struct CacheMemory {
  std::int64_t batch, kv_heads, tiles;
  DType dtype;  // of `tail`
  Word *k_codes, *k_grids, *v_codes, *v_grids;
  Byte* tail;
  Mean* mean;
  Count *lengths, *packed;  // [batch]

  LONGTAIL_HOST_DEVICE CacheHead<Word, Byte, Mean> head(const CacheLayout& layout,
                                                        std::int64_t index,
                                                        int element_bytes) const {
    const std::int64_t first = index * tiles;
    return {k_codes + first * layout.k_codes(),
            k_grids + first * layout.k_grids(),
            v_codes + first * layout.v_codes(),
            v_grids + first * layout.v_grids(),
            tail + index * kTileTokens * layout.k_dim * element_bytes,
            mean + index * layout.k_dim};
  }
};

using MutableHead = CacheHead<std::uint32_t, std::byte, float>;
using ConstHead = CacheHead<const std::uint32_t, const std::byte, const float>;
using MutableCache = CacheMemory<std::uint32_t, std::byte, float, std::int64_t>;
using ConstCache =
    CacheMemory<const std::uint32_t, const std::byte, const float, const std::int64_t>;

/// Counts sequence b's new tokens, after all of its heads have them.
LONGTAIL_HOST_DEVICE inline void advance(const CacheLayout& layout, const MutableCache& cache,
                                         std::int64_t b, std::int64_t count) {
  cache.packed[b] = packed_after(layout.format, cache.lengths[b], cache.packed[b], count);
  cache.lengths[b] += count;
}

}  // namespace longtail::attention
