#pragma once
// Dot products of pairs of 16-bit integers, on every level alike: the sums are exact, so all levels
// have the same.
//
//   avx512vnni   vpdpwssd
//   avx2, avx512 vpmaddwd and an addition
//   neon         two 32-bit multiply-adds of the halves (which is why neondot adds nothing here)
//
// Beside vpdpbusd (8 by 8 bits, twice the products an instruction), 16 bits make the rounding of
// queries and weights vanish, and no instruction saturates.

#include <utility>

#include "core/simd.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

using F = native<float>;
using I = int_t<F>;
inline constexpr int kWide = kLanes<F>;

LONGTAIL_INLINE I load_int(const void* from) {
  I result;
  __builtin_memcpy(&result, from, sizeof(result));
  return result;
}

/// Two neighbouring 16-bit values in every lane.
LONGTAIL_INLINE I broadcast_pair(const std::int16_t* pair) {
  std::int32_t both;
  __builtin_memcpy(&both, pair, sizeof(both));
  return I(both);
}

/// sum + a_low b_low + a_high b_high in each lane, a_low and a_high from 0 to 255.
LONGTAIL_INLINE I dot_pairs(I sum, I a, I b) {
#if LONGTAIL_SCALAR_LEVEL
  return sum + (a & 0xffff) * static_cast<std::int16_t>(b) + (a >> 16) * (b >> 16);
#elif defined(__AVX512VNNI__)
  return I(typename I::Raw(_mm512_dpwssd_epi32((__m512i)sum.raw, (__m512i)a.raw, (__m512i)b.raw)));
#elif defined(__AVX512BW__)
  return sum + I(typename I::Raw(_mm512_madd_epi16((__m512i)a.raw, (__m512i)b.raw)));
#elif defined(__AVX2__)
  return sum + I(typename I::Raw(_mm256_madd_epi16((__m256i)a.raw, (__m256i)b.raw)));
#else
  const typename I::Raw low = (a.raw & 0xffff) * ((b.raw << 16) >> 16);
  return I(typename I::Raw(sum.raw + low + (a.raw >> 16) * (b.raw >> 16)));
#endif
}

/// To the nearest 16-bit integers.
LONGTAIL_INLINE void store_int16(std::int16_t* to, F a) {
  const I whole = to_int(a);
#if LONGTAIL_SCALAR_LEVEL
  *to = static_cast<std::int16_t>(whole);
#else
  const auto narrow = __builtin_convertvector(whole.raw, lanes::raw<std::int16_t, kWide>);
  __builtin_memcpy(to, &narrow, sizeof(narrow));
#endif
}

/// Half of the lanes, from `First` on. (GCC 12 warns about the undefined registers inside
/// _mm512_reduce_max_ps, so lanes are joined by halves here.)
template <int First, int N, int... lane>
LONGTAIL_INLINE Vec<float, N / 2> half_of(Vec<float, N> a, std::integer_sequence<int, lane...>) {
  return typename Vec<float, N / 2>::Raw(__builtin_shufflevector(a.raw, a.raw, (First + lane)...));
}
template <class Join>
LONGTAIL_INLINE float join_lanes(float a, const Join&) {
  return a;
}
template <int N, class Join>
LONGTAIL_INLINE float join_lanes(Vec<float, N> a, const Join& join) {
  if constexpr (N > 2) {
    constexpr auto lanes = std::make_integer_sequence<int, N / 2>();
    return join_lanes(join(half_of<0>(a, lanes), half_of<N / 2>(a, lanes)), join);
  } else {
    return join(a[0], a[1]);
  }
}
LONGTAIL_INLINE float largest_of(F a) {
  return join_lanes(a, [](auto x, auto y) { return decltype(x)(max(x, y)); });
}
LONGTAIL_INLINE float sum_of(F a) {
  return join_lanes(a, [](auto x, auto y) { return decltype(x)(x + y); });
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
