#pragma once
// Butterflies between lanes and between vectors: the pieces of every Sylvester-Hadamard transform.
//
// Stage h replaces each pair (x[i], x[i + h]), bit h of i clear, by (x[i] + x[i + h], x[i] -
// x[i + h]). A transform of 2^k elements is its stages h = 1, 2, 4, ..., 2^(k-1). Every result is
// one addition of two results of the stage before, so however stages are grouped into passes,
// each element comes out of the same rounded operations: the same bits on every level.

#include <utility>

#include "core/simd.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// Vectors that a pass keeps in registers at a time.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int kButterflyVectors = 16;
#else
inline constexpr int kButterflyVectors = 8;
#endif

LONGTAIL_INLINE constexpr int log2_of(std::int64_t n) {
  int bits = 0;
  while (n >> (bits + 1)) ++bits;
  return bits;
}

/// Stage h between the lanes of one vector: the partner's lane plus or minus the own one, in one
/// fused operation, whose product is exact.
template <int h, class E, int N, int... lane>
LONGTAIL_INLINE Vec<E, N> lane_stage(Vec<E, N> a, std::integer_sequence<int, lane...>) {
  const typename Vec<E, N>::Raw partner = __builtin_shufflevector(a.raw, a.raw, (lane ^ h)...);
  const typename Vec<E, N>::Raw sign = {(lane & h ? E(-1) : E(1))...};
  return fma(a, Vec<E, N>(sign), Vec<E, N>(partner));
}

/// Stages h = 1, 2, ..., up to span / 2 inside each vector; `span` is a power of two.
template <int span, class E, int N, int h = 1>
LONGTAIL_INLINE Vec<E, N> lane_stages(Vec<E, N> a) {
  static_assert(span <= N);
  if constexpr (h < span) {
    return lane_stages<span, E, N, 2 * h>(lane_stage<h>(a, std::make_integer_sequence<int, N>()));
  } else {
    return a;
  }
}
template <int span, Scalar T>
LONGTAIL_INLINE T lane_stages(T a) {
  return a;
}

/// All stages between `count` (a power of two) vectors.
template <int count, class T, int h = 1>
LONGTAIL_INLINE void vector_stages(T (&a)[count]) {
  if constexpr (h < count) {
#pragma GCC unroll 16
    for (int i = 0; i < count; ++i) {
      if ((i & h) == 0) {
        const T low = a[i], high = a[i + h];
        a[i] = low + high;
        a[i + h] = low - high;
      }
    }
    vector_stages<count, T, 2 * h>(a);
  }
}

/// One pass in registers: a[i] = load(i), the stages inside each vector up to `span` lanes, the
/// stages between the `count` vectors, store(i, a[i]).
template <int count, int span, class T, class Load, class Store>
LONGTAIL_INLINE void butterfly_pass(const Load& load, const Store& store) {
  T a[count];
#pragma GCC unroll 16
  for (int i = 0; i < count; ++i) a[i] = lane_stages<span>(T(load(i)));
  vector_stages(a);
#pragma GCC unroll 16
  for (int i = 0; i < count; ++i) store(i, a[i]);
}

/// Calls run with the constant 1, 2, 4, 8 or 16, at most kButterflyVectors, that equals count.
template <int candidate = 1, class Run>
LONGTAIL_INLINE void with_vector_count(std::int64_t count, const Run& run) {
  if constexpr (candidate == kButterflyVectors) {
    run(std::integral_constant<int, candidate>());
  } else {
    if (count == candidate) return run(std::integral_constant<int, candidate>());
    with_vector_count<2 * candidate>(count, run);
  }
}

/// The sizes of the passes over 2^bits vectors: as few as fit the registers, as even as can be.
struct Passes {
  int bits;

  LONGTAIL_INLINE int count() const {
    constexpr int most = log2_of(kButterflyVectors);
    return bits == 0 ? 1 : (bits + most - 1) / most;
  }
  /// Vectors of pass p.
  LONGTAIL_INLINE int size(int p) const {
    const int passes = count();
    return 1 << (bits / passes + (p < bits % passes ? 1 : 0));
  }
};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
