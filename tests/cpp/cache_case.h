// A small quantised cache on plain memory, for the C++ tests of caches.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "attention/cache.h"
#include "attention/decode.h"

namespace cache_case {

using namespace longtail;
using namespace longtail::attention;

inline float number(std::int64_t i) {
  return static_cast<float>(std::sin(0.7 * static_cast<double>(i) + 1.0) * 2.0 +
                            std::cos(0.013 * static_cast<double>(i * i % 1009)));
}
inline std::vector<float> numbers(std::int64_t count, std::int64_t seed) {
  std::vector<float> result(count);
  for (std::int64_t i = 0; i < count; ++i) result[i] = number(i + seed * 7919);
  return result;
}

/// All memory of a cache of float32, sized exactly, so that sanitizers see where it ends.
struct Cache {
  CacheLayout layout;
  std::int64_t batch, kv_heads, tiles;
  std::vector<std::uint32_t> k_codes, k_grids, v_codes, v_grids;
  std::vector<float> tail, mean;
  std::vector<std::int64_t> lengths, packed;

  Cache(const CacheLayout& layout, std::int64_t batch, std::int64_t kv_heads, std::int64_t tiles)
      : layout(layout), batch(batch), kv_heads(kv_heads), tiles(tiles) {
    const std::int64_t heads = batch * kv_heads;
    k_codes.resize(heads * tiles * layout.k_codes());
    k_grids.resize(heads * tiles * layout.k_grids());
    v_codes.resize(heads * tiles * layout.v_codes());
    v_grids.resize(heads * tiles * layout.v_grids());
    tail.resize(heads * kTileTokens * layout.k_dim);
    mean.resize(heads * layout.k_dim);
    lengths.assign(batch, 0);
    packed.assign(batch, 0);
  }
  MutableCache memory() {
    return {batch,          kv_heads,       tiles,
            DType::float32, k_codes.data(), k_grids.data(),
            v_codes.data(), v_grids.data(), reinterpret_cast<std::byte*>(tail.data()),
            mean.data(),    lengths.data(), packed.data()};
  }
  ConstCache view() const {
    return {batch,          kv_heads,       tiles,
            DType::float32, k_codes.data(), k_grids.data(),
            v_codes.data(), v_grids.data(), reinterpret_cast<const std::byte*>(tail.data()),
            mean.data(),    lengths.data(), packed.data()};
  }
};

/// What is asked of a cache, and room for the answer.
struct Question {
  std::int64_t heads, q_len;
  std::vector<float> q, mask, out, lse;

  Question(const Cache& cache, std::int64_t share, std::int64_t q_len, std::int64_t max_length)
      : heads(cache.kv_heads * share), q_len(q_len) {
    const std::int64_t rows = cache.batch * heads * q_len;
    q = numbers(rows * cache.layout.k_dim, 3);
    mask = numbers(rows * max_length, 4);
    for (std::size_t i = 0; i < mask.size(); i += 5) mask[i] = -INFINITY;
    out.resize(rows * cache.layout.v_dim);
    lse.resize(rows);
    length_ = max_length;
  }
  DecodeCall call(bool is_causal, bool with_mask) {
    return {heads,
            q_len,
            DType::float32,
            q.data(),
            0.2f,
            is_causal,
            with_mask ? mask.data() : nullptr,
            {heads * q_len * length_, q_len * length_, length_, 1},
            out.data(),
            lse.data()};
  }

 private:
  std::int64_t length_;
};

/// Layouts of every kind: widths that need padding, groups larger than what is left.
inline std::vector<CacheLayout> layouts() {
  std::vector<CacheLayout> result;
  for (const int bits : {4, 8}) {
    for (const KFormat format : {KFormat::channel, KFormat::token_rotated}) {
      result.push_back({bits, format, 32, 64, 64});
      result.push_back({bits, format, 64, 40, 7});
    }
  }
  return result;
}

}  // namespace cache_case
