// Quantised caches on plain memory: portions of tokens, attention beside a loop in float64 over
// what the cache returns for single tokens, and the ends of all memory (under AddressSanitizer).
#include <algorithm>

#include "cache_case.h"
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

std::int64_t longest(const Cache& cache) { return *std::ranges::max_element(cache.lengths); }

/// Masks that leave one token give its value; their scores give the LSE of any set of tokens.
void check_sums(Cache& cache, bool is_causal) {
  const std::int64_t length = longest(cache), dim = cache.layout.v_dim;
  Question whole(cache, 3, 2, length);
  decode(cache.layout, cache.view(), whole.call(is_causal, true));
  const std::size_t rows = whole.lse.size();
  std::vector<double> sums(rows * dim), mass(rows);
  Question single(cache, 3, 2, length);
  for (std::int64_t token = 0; token < length; ++token) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::int64_t t = 0; t < length; ++t) {
        single.mask[r * length + t] = t == token ? whole.mask[r * length + t] : -INFINITY;
      }
    }
    decode(cache.layout, cache.view(), single.call(is_causal, true));
    for (std::size_t r = 0; r < rows; ++r) {
      const double weight = std::exp(static_cast<double>(single.lse[r]));
      mass[r] += weight;
      for (std::int64_t c = 0; c < dim; ++c) {
        sums[r * dim + c] += weight * static_cast<double>(single.out[r * dim + c]);
      }
    }
  }
  // Weights beside 4-bit codes have 8 bits, beside 8-bit codes 16.
  const double close = cache.layout.bits == 4 ? 2e-2 : 2e-4;
  for (std::size_t r = 0; r < rows; ++r) {
    const bool seen = mass[r] > 0;
    CHECK(seen == (whole.lse[r] > -INFINITY));
    if (seen) CHECK(std::abs(static_cast<double>(whole.lse[r]) - std::log(mass[r])) < 1e-4);
    for (std::int64_t c = 0; c < dim; ++c) {
      const double expected = seen ? sums[r * dim + c] / mass[r] : 0.0;
      CHECK(std::abs(static_cast<double>(whole.out[r * dim + c]) - expected) < close);
    }
  }
}

TEST(sums_over_tokens) {
  for (const CacheLayout& layout : layouts()) {
    Cache cache(layout, 2, 2, 3);
    append(cache, 100, {100, 31}, 1);
    append(cache, 50, {35, 50}, 9);
    check_sums(cache, true);
    check_sums(cache, false);
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
