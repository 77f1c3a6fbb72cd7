#pragma once
// kLanes<T> vectors as a square of numbers, transposed in registers: first inside 128 bits, which
// all instruction sets do fastest, then 128 bits as a whole.

#include <utility>

#include "core/simd.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

/// Lane i of the result is lane index(i) of a and b put side by side.
template <class Index, class E, int N, int... I>
LONGTAIL_INLINE Vec<E, N> pick(Vec<E, N> a, Vec<E, N> b, std::integer_sequence<int, I...>) {
  return Vec<E, N>(__builtin_shufflevector(a.raw, b.raw, Index::of(I)...));
}
template <class Index, class E, int N>
LONGTAIL_INLINE Vec<E, N> pick(Vec<E, N> a, Vec<E, N> b) {
  return pick<Index>(a, b, std::make_integer_sequence<int, N>());
}

/// Units of a and b by turns, from the first or the second half of each 128 bits.
template <int N, int Lane, int Unit, bool Second>
struct Interleaved {
  static constexpr int of(int i) {
    const int lane = i / Lane * Lane, within = i % Lane;
    const int unit = within / (2 * Unit) + (Second ? Lane / Unit / 2 : 0);
    return lane + unit * Unit + within % Unit + (within / Unit % 2 == 1 ? N : 0);
  }
};
/// 128-bit lanes First, First + Stride, ... of a, then the same of b.
template <int N, int Lane, int First, int Stride>
struct LanesOf {
  static constexpr int of(int i) {
    const int count = N / Lane, lane = i / Lane, half = count / 2;
    const int from = First + lane % half * Stride;
    return (lane < half ? 0 : N) + from * Lane + i % Lane;
  }
};

template <class E, int N>
LONGTAIL_INLINE void transpose_inside(Vec<E, N>* v) {
  constexpr int lane = 16 / static_cast<int>(sizeof(E));
  const auto low = [](Vec<E, N> a, Vec<E, N> b) {
    return pick<Interleaved<N, lane, 1, false>>(a, b);
  };
  const auto high = [](Vec<E, N> a, Vec<E, N> b) {
    return pick<Interleaved<N, lane, 1, true>>(a, b);
  };
  if constexpr (lane == 2) {
    const Vec<E, N> a = v[0], b = v[1];
    v[0] = low(a, b);
    v[1] = high(a, b);
  } else {
    const Vec<E, N> a = low(v[0], v[1]), b = high(v[0], v[1]);
    const Vec<E, N> c = low(v[2], v[3]), d = high(v[2], v[3]);
    v[0] = pick<Interleaved<N, lane, 2, false>>(a, c);
    v[1] = pick<Interleaved<N, lane, 2, true>>(a, c);
    v[2] = pick<Interleaved<N, lane, 2, false>>(b, d);
    v[3] = pick<Interleaved<N, lane, 2, true>>(b, d);
  }
}

/// v[i][j] and v[j][i] change places.
template <class E, int N>
LONGTAIL_INLINE void transpose(Vec<E, N> (&v)[N]) {
  constexpr int lane = 16 / static_cast<int>(sizeof(E)), count = N / lane;
#pragma GCC unroll 16
  for (int g = 0; g < count; ++g) transpose_inside(v + g * lane);
  if constexpr (count == 2) {
#pragma GCC unroll 16
    for (int c = 0; c < lane; ++c) {
      const Vec<E, N> a = v[c], b = v[lane + c];
      v[c] = pick<LanesOf<N, lane, 0, 1>>(a, b);
      v[lane + c] = pick<LanesOf<N, lane, 1, 1>>(a, b);
    }
  } else if constexpr (count == 4) {
#pragma GCC unroll 16
    for (int c = 0; c < lane; ++c) {
      const Vec<E, N> a = v[c], b = v[lane + c], d = v[2 * lane + c], e = v[3 * lane + c];
      const Vec<E, N> ab_even = pick<LanesOf<N, lane, 0, 2>>(a, b);
      const Vec<E, N> ab_odd = pick<LanesOf<N, lane, 1, 2>>(a, b);
      const Vec<E, N> de_even = pick<LanesOf<N, lane, 0, 2>>(d, e);
      const Vec<E, N> de_odd = pick<LanesOf<N, lane, 1, 2>>(d, e);
      v[c] = pick<LanesOf<N, lane, 0, 2>>(ab_even, de_even);
      v[lane + c] = pick<LanesOf<N, lane, 0, 2>>(ab_odd, de_odd);
      v[2 * lane + c] = pick<LanesOf<N, lane, 1, 2>>(ab_even, de_even);
      v[3 * lane + c] = pick<LanesOf<N, lane, 1, 2>>(ab_odd, de_odd);
    }
  }
}
template <Scalar T>
LONGTAIL_INLINE void transpose(T (&)[1]) {}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
