#pragma once
// What each CPU level compiles for cache.h (cache.level.cpp) and cache.cpp chooses from.

#include "attention/cache_layout.h"
#include "core/cpu_level.h"

namespace longtail::attention {

/// Tokens for one sequence and head, of which `length` are there and `packed` have key codes.
struct AppendHead {
  CacheLayout layout;
  MutableHead head;
  const std::byte *k, *v;  // [count, k_dim], [count, v_dim]
  std::int64_t count, length, packed;
};

struct CacheKernels {
  void (*append[3])(const AppendHead&);  // float32, float16, bfloat16
};

LONGTAIL_DECLARE_PER_LEVEL(CacheKernels, kCacheKernels)

/// The place of an element type in the tables of the levels.
inline int element_index(DType dtype) {
  return dtype == DType::float32 ? 0 : dtype == DType::float16 ? 1 : 2;
}

}  // namespace longtail::attention
