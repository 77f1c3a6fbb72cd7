// Quantised caches on plain memory: portions of tokens, attention beside sums in float64 of what
// the memory holds, and the ends of all memory (under AddressSanitizer).
#include <algorithm>

#include "cache_rounded.h"
#include "test.h"

namespace {

using namespace cache_case;

void append(Cache& cache, std::int64_t tokens, const std::vector<std::int64_t>& counts,
            std::int64_t seed) {
  const std::int64_t rows = cache.batch * cache.kv_heads * tokens;
  const auto k = numbers(rows * cache.layout.k_dim, seed);
  const auto v = numbers(rows * cache.layout.v_dim, seed + 1);
  cache_append(cache.layout, cache.memory(), tokens, counts.data(), k.data(), v.data());
}

void check_attention(const Cache& cache, bool is_causal, bool with_mask) {
  const std::int64_t length = *std::ranges::max_element(cache.lengths);
  Question question(cache, 3, 2, length);
  DecodeCall call = question.call(is_causal, with_mask);
  call.scale = 6.4f / static_cast<float>(cache.layout.k_dim);  // scores of a few units
  decode(cache.layout, cache.view(), call);
  check_close(question, attend_rounded(cache, call), 1e-5);
}

TEST(attention) {
  for (const CacheLayout& layout : layouts()) {
    Cache cache(layout, 2, 2, 3);
    append(cache, 100, {100, 31}, 1);
    append(cache, 50, {35, 50}, 9);
    for (const bool is_causal : {true, false}) {
      for (const bool with_mask : {true, false}) check_attention(cache, is_causal, with_mask);
    }
  }
}

TEST(a_token_comes_back) {
  // One token seen, so that out is its value: within half a step of its group's grid.
  for (const CacheLayout& layout : layouts()) {
    Cache cache(layout, 1, 1, 2);
    append(cache, 128, {128}, 1);
    const auto v = numbers(128 * layout.v_dim, 2);
    Question question(cache, 1, 1, 128);
    for (std::int64_t token = 0; token < 128; token += 9) {
      std::ranges::fill(question.mask, -INFINITY);
      question.mask[token] = 0;
      decode(layout, cache.view(), question.call(false, true));
      for (int c = 0; c < layout.v_dim; ++c) {
        const float exact = v[token * layout.v_dim + c];
        CHECK(std::abs(question.out[c] - exact) <= 0.51f * 6.0f / (layout.bits == 4 ? 15 : 255));
      }
    }
  }
}

TEST(portions) {
  for (const CacheLayout& layout : layouts()) {
    const std::int64_t tokens = 130;
    const auto k = numbers(tokens * layout.k_dim, 5), v = numbers(tokens * layout.v_dim, 6);
    Cache whole(layout, 1, 1, 3), parts(layout, 1, 1, 3);
    cache_append(layout, whole.memory(), tokens, &tokens, k.data(), v.data());
    for (std::int64_t t = 0; t < tokens; ++t) {
      const std::int64_t one = 1;
      cache_append(layout, parts.memory(), 1, &one, k.data() + t * layout.k_dim,
                   v.data() + t * layout.v_dim);
    }
    CHECK(whole.k_codes == parts.k_codes && whole.k_grids == parts.k_grids);
    CHECK(whole.v_codes == parts.v_codes && whole.v_grids == parts.v_grids);
    CHECK(whole.mean == parts.mean && whole.packed == parts.packed);
    CHECK(whole.lengths == parts.lengths && whole.lengths[0] == tokens);
  }
}

TEST(many_splits) {
  // More than one split and portion of rows; the caller's threads are called from the last item on.
  const CacheLayout layout{4, KFormat::channel, 32, 32, 32};
  Cache cache(layout, 1, 2, 34);
  append(cache, 2150, {2150}, 1);
  Question one(cache, 2, 3, 2150), other(cache, 2, 3, 2150);
  decode(layout, cache.view(), one.call(true, false));
  const ParallelFor backwards = [](std::int64_t begin, std::int64_t end, std::int64_t,
                                   const RangeTask& task) {
    for (std::int64_t i = end; i > begin; --i) task(i - 1, i);
  };
  decode(layout, cache.view(), other.call(true, false), backwards);
  CHECK(one.out == other.out && one.lse == other.lse);
}

}  // namespace
