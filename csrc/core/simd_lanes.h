#pragma once
// The few operations that GCC's vector extension lacks, on raw vectors: fused multiply-add, square
// root, rounding, power-of-two scaling, and "is any lane set". A generic template works lane by
// lane; simd_x86.h and simd_neon.h overload it with single instructions.

#include <cstdint>

#include "host_device.h"

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace longtail {
inline namespace LONGTAIL_LEVEL {
namespace lanes {

template <class E, int N>
struct RawVector {
  typedef E type __attribute__((vector_size(sizeof(E) * N)));
};
template <class E, int N>
using raw = typename RawVector<E, N>::type;

template <class V>
inline constexpr int kCount = sizeof(V) / sizeof(V{}[0]);

template <class V>
LONGTAIL_INLINE V fma(V a, V b, V c) {
#if defined(__FMA__) || defined(__aarch64__)
  V result;
  for (int i = 0; i < kCount<V>; ++i) {
    if constexpr (sizeof(a[0]) == 8) {
      result[i] = __builtin_fma(a[i], b[i], c[i]);
    } else {
      result[i] = __builtin_fmaf(a[i], b[i], c[i]);
    }
  }
  return result;
#else
  return a * b + c;
#endif
}

template <class V>
LONGTAIL_INLINE V sqrt(V a) {
  for (int i = 0; i < kCount<V>; ++i) {
    if constexpr (sizeof(a[0]) == 8) {
      a[i] = __builtin_sqrt(a[i]);
    } else {
      a[i] = __builtin_sqrtf(a[i]);
    }
  }
  return a;
}

template <class V>
LONGTAIL_INLINE V rint(V a) {
  for (int i = 0; i < kCount<V>; ++i) {
    if constexpr (sizeof(a[0]) == 8) {
      a[i] = __builtin_rint(a[i]);
    } else {
      a[i] = __builtin_rintf(a[i]);
    }
  }
  return a;
}

template <class V>
LONGTAIL_INLINE V floor(V a) {
  for (int i = 0; i < kCount<V>; ++i) {
    if constexpr (sizeof(a[0]) == 8) {
      a[i] = __builtin_floor(a[i]);
    } else {
      a[i] = __builtin_floorf(a[i]);
    }
  }
  return a;
}

/// a * 2^n for integral n, rounded once; only where an instruction does it.
template <class V>
void scale(V a, V n) = delete;

/// True if any lane of a comparison result (all bits or none) is set.
template <class M>
LONGTAIL_INLINE bool any(M mask) {
  bool found = false;
  for (int i = 0; i < kCount<M>; ++i) found |= mask[i] != 0;
  return found;
}

}  // namespace lanes
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail

#if defined(__SSE4_1__)
#include "simd_x86.h"
#elif defined(__aarch64__)
#include "simd_neon.h"
#endif
