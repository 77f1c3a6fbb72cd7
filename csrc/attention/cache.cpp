#include "attention/cache.h"

#include "attention/cache_level.h"

namespace longtail::attention {

void cache_append(const CacheLayout& layout, const MutableCache& cache, std::int64_t tokens,
                  const std::int64_t* counts, const void* k, const void* v,
                  const ParallelFor& parallel_for) {
  static constexpr PerLevel<const CacheKernels*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kCacheKernels);
  const auto append = levels[cpu_level()]->append[element_index(cache.dtype)];
  const int bytes = static_cast<int>(item_size(cache.dtype));
  const std::int64_t heads = cache.batch * cache.kv_heads;
  run_parallel(parallel_for, 0, heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t h = begin; h < end; ++h) {
      const std::int64_t b = h / cache.kv_heads;
      append({layout, cache.head(layout, h, bytes),
              static_cast<const std::byte*>(k) + h * tokens * layout.k_dim * bytes,
              static_cast<const std::byte*>(v) + h * tokens * layout.v_dim * bytes, counts[b],
              cache.lengths[b], cache.packed[b]});
    }
  });
  for (std::int64_t b = 0; b < cache.batch; ++b) advance(layout, cache, b, counts[b]);
}

}  // namespace longtail::attention
