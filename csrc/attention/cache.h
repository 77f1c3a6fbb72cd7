// Quantised key-value caches (QuantizedKVCache in Python) on plain memory. What lies where:
// cache_layout.h; the numbers: cache_math.h.
//
// K format "channel" (KIVI): a grid per channel over each 64 tokens; up to 63 last tokens are
// exact. K format "token_rotated": the mean of the first 64 tokens is frozen and subtracted, the
// rest is rotated and gets a grid per token and group of channels; fewer than 64 tokens are exact.
// V: a grid per token and group of channels.
//
// Either way the state after some tokens does not depend on how many came at a time.
#pragma once

#include "attention/cache_layout.h"
#include "core/parallel.h"

namespace longtail::attention {

/// Appends the first counts[b] tokens of row b of k [batch, kv_heads, tokens, k_dim] and
/// v [..., v_dim], both contiguous and of the cache's element type, at lengths[b], and advances
/// lengths and packed.
void cache_append(const CacheLayout& layout, const MutableCache& cache, std::int64_t tokens,
                  const std::int64_t* counts, const void* k, const void* v,
                  const ParallelFor& parallel_for = {});

}  // namespace longtail::attention
