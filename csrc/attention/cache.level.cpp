// Tokens into a cache: grids, codes and their packing, compiled once per CPU level.

#include "attention/cache_math.h"  // opens the level's namespace, before tables are declared in it
#include "core/element_lanes.h"

#include "attention/cache_level.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {
namespace {

using F = native<float>;
using I = int_t<F>;
inline constexpr int kWide = kLanes<F>;

LONGTAIL_INLINE void store_int(std::int32_t* to, I a) { __builtin_memcpy(to, &a, sizeof(a)); }

/// Elements of any type as floats. Up to `width` the first of each 32 channels is repeated: that
/// changes no group's extremes.
template <class E>
LONGTAIL_INLINE void read_row(const std::byte* from, int count, int width, float* to) {
  const E* elements = reinterpret_cast<const E*>(from);
  for (int i = 0; i < count; ++i) to[i] = widen<float>(elements[i]);
  for (int i = count; i < width; ++i) to[i] = to[i & ~31];
}

LONGTAIL_INLINE float lowest_of(F a) {
  float result = lane(a, 0);
  for (int i = 1; i < kWide; ++i) result = min(lane(a, i), result);
  return result;
}

/// The codes of one token and the grid of each of its groups.
template <int Bits>
LONGTAIL_INLINE void encode_token(const float* x, int width, int group, std::int32_t* codes,
                                  std::uint32_t* grids, int slot) {
  for (int first = 0; first < width; first += group) {
    const int end = first + group < width ? first + group : width;
    F low = load<F>(x + first), high = low;
    for (int c = first + kWide; c < end; c += kWide) {
      const F each = load<F>(x + c);
      low = min(each, low);
      high = max(each, high);
    }
    const auto grid = make_grid<Bits>(lowest_of(low), -lowest_of(-high));
    const Grid<F> wide = {F(grid.inverse), F(grid.zero), I(grid.word)};
    for (int c = first; c < end; c += kWide)
      store_int(codes + c, encode<Bits>(wide, load<F>(x + c)));
    grids[first / group * kTileTokens + slot] = static_cast<std::uint32_t>(grid.word);
  }
}

/// A token's key codes into its column of the tile.
template <int Bits>
LONGTAIL_INLINE void pack_key(const std::int32_t* codes, int width, std::uint32_t* tile, int slot) {
  constexpr int n = CodeFormat<Bits>::kPerWord;
  for (int m = 0; m < width / n; ++m) {
    std::uint32_t word = 0;
    for (int i = 0; i < n; ++i) {
      word |= static_cast<std::uint32_t>(codes[m * n + i]) << code_shift<Bits>(i);
    }
    tile[m * kTileTokens + slot] = word;
  }
}

/// A token's value codes into the words that it shares with its neighbours.
template <int Bits>
LONGTAIL_INLINE void pack_value(const std::int32_t* codes, int width, std::uint32_t* tile,
                                int slot) {
  constexpr int n = CodeFormat<Bits>::kPerWord;
  const int shift = code_shift<Bits>(slot % n);
  const std::uint32_t others = ~(std::uint32_t{CodeFormat<Bits>::kLargest} << shift);
  std::uint32_t* words = tile + slot / n * width;
  for (int c = 0; c < width; ++c) {
    words[c] = (words[c] & others) | static_cast<std::uint32_t>(codes[c]) << shift;
  }
}

/// 64 tokens of K format "channel": a grid a channel.
template <int Bits, class E>
void encode_channels(const CacheLayout& layout, const std::byte* tail, std::uint32_t* tile,
                     std::uint32_t* grids) {
  const int width = layout.k_width(), dim = layout.k_dim;
  float x[kTileTokens][kMaxHeadDim];
  std::int32_t codes[kMaxHeadDim];
  for (int t = 0; t < kTileTokens; ++t) {
    read_row<E>(tail + std::int64_t{t} * dim * sizeof(E), dim, width, x[t]);
  }
  Grid<F> columns[kMaxHeadDim / kWide];
  for (int c = 0; c < width; c += kWide) {
    F low = load<F>(x[0] + c), high = low;
    for (int t = 1; t < kTileTokens; ++t) {
      const F each = load<F>(x[t] + c);
      low = min(each, low);
      high = max(each, high);
    }
    columns[c / kWide] = make_grid<Bits>(low, high);
    store_int(reinterpret_cast<std::int32_t*>(grids) + c, columns[c / kWide].word);
  }
  for (int t = 0; t < kTileTokens; ++t) {
    for (int c = 0; c < width; c += kWide) {
      store_int(codes + c, encode<Bits>(columns[c / kWide], load<F>(x[t] + c)));
    }
    pack_key<Bits>(codes, width, tile, t);
  }
}

/// A key of K format "token_rotated" less the mean, rotated.
template <class E>
LONGTAIL_INLINE void read_rotated(const CacheLayout& layout, const std::byte* key,
                                  const float* mean, float* x) {
  const E* elements = reinterpret_cast<const E*>(key);
  const int channels = layout.k_channels(), width = layout.k_width();
  for (int c = 0; c < layout.k_dim; ++c) x[c] = widen<float>(elements[c]) - mean[c];
  for (int c = layout.k_dim; c < channels; ++c) x[c] = 0;
  rotate(x, channels);
  for (int c = channels; c < width; ++c) x[c] = x[c & ~31];
}

/// The mean of the 64 tokens of the tail: float64 sums in the order of tokens.
template <class E>
void freeze_mean(int dim, const std::byte* tail, float* mean) {
  const E* elements = reinterpret_cast<const E*>(tail);
  for (int c = 0; c < dim; ++c) {
    double sum = 0;
    for (int t = 0; t < kTileTokens; ++t) {
      sum += static_cast<double>(widen<float>(elements[t * dim + c]));
    }
    mean[c] = static_cast<float>(sum / kTileTokens);
  }
}

template <int Bits, class E>
void append_tokens(const AppendHead& job) {
  const CacheLayout& layout = job.layout;
  const MutableHead& head = job.head;
  const std::int64_t key_bytes = layout.k_dim * std::int64_t{sizeof(E)};
  const std::int64_t value_bytes = layout.v_dim * std::int64_t{sizeof(E)};
  const bool by_channel = layout.format == KFormat::channel;
  bool frozen = job.packed > 0;
  float x[kMaxHeadDim];
  std::int32_t codes[kMaxHeadDim];
  const auto pack_rotated = [&](const std::byte* key, std::int64_t tile, int slot) {
    read_rotated<E>(layout, key, head.mean, x);
    encode_token<Bits>(x, layout.k_width(), layout.group, codes,
                       head.k_grids + tile * layout.k_grids(), slot);
    pack_key<Bits>(codes, layout.k_width(), head.k_codes + tile * layout.k_codes(), slot);
  };
  for (std::int64_t i = 0; i < job.count; ++i) {
    const std::int64_t token = job.length + i, tile = token / kTileTokens;
    const int slot = static_cast<int>(token % kTileTokens);
    read_row<E>(job.v + i * value_bytes, layout.v_dim, layout.v_width(), x);
    encode_token<Bits>(x, layout.v_width(), layout.group, codes,
                       head.v_grids + tile * layout.v_grids(), slot);
    pack_value<Bits>(codes, layout.v_width(), head.v_codes + tile * layout.v_codes(), slot);
    const std::byte* key = job.k + i * key_bytes;
    if (!by_channel && frozen) {
      pack_rotated(key, tile, slot);
      continue;
    }
    __builtin_memcpy(head.tail + slot * key_bytes, key, key_bytes);
    if (slot < kTileTokens - 1) continue;
    if (by_channel) {
      encode_channels<Bits, E>(layout, head.tail, head.k_codes + tile * layout.k_codes(),
                               head.k_grids + tile * layout.k_grids());
    } else {
      freeze_mean<E>(layout.k_dim, head.tail, head.mean);
      for (int t = 0; t < kTileTokens; ++t) pack_rotated(head.tail + t * key_bytes, tile, t);
      frozen = true;
    }
  }
}

template <class E>
void append(const AppendHead& job) {
  job.layout.bits == 4 ? append_tokens<4, E>(job) : append_tokens<8, E>(job);
}

}  // namespace

extern const CacheKernels kCacheKernels;
const CacheKernels kCacheKernels = {{append<float>, append<float16>, append<bfloat16>}};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
