#pragma once
// Vectors of 32-bit lanes in the decode kernels: rounding, packing of small integers, and joins of
// all lanes.

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
LONGTAIL_INLINE void store_int(void* to, I a) { __builtin_memcpy(to, &a, sizeof(a)); }

/// To the nearest integers, ties to even. (Masked, since GCC 12 warns about the plain instruction.)
LONGTAIL_INLINE I nearest(F a) {
#if LONGTAIL_SCALAR_LEVEL
  return to_int(rint(a));
#elif defined(__AVX512F__)
  return typename I::Raw(_mm512_maskz_cvtps_epi32(0xffff, (__m512)a.raw));
#elif defined(__AVX2__)
  return typename I::Raw(_mm256_cvtps_epi32((__m256)a.raw));
#else
  return typename I::Raw(vcvtnq_s32_f32((float32x4_t)a.raw));
#endif
}

/// Integers between -2^15 and 2^15 - 1 in 16 bits each, those of a first.
LONGTAIL_INLINE I pack_halves(const I (&a)[2]) {
#if LONGTAIL_SCALAR_LEVEL
  return (a[0] & 0xffff) | a[1] << 16;
#elif defined(__AVX512BW__)
  const __m512i both = _mm512_packs_epi32((__m512i)a[0].raw, (__m512i)a[1].raw);
  const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
  return typename I::Raw(_mm512_maskz_permutexvar_epi64(0xff, order, both));
#elif defined(__AVX2__)
  const __m256i both = _mm256_packs_epi32((__m256i)a[0].raw, (__m256i)a[1].raw);
  return typename I::Raw(_mm256_permute4x64_epi64(both, 0xd8));
#else
  return
      typename I::Raw(vcombine_s16(vmovn_s32((int32x4_t)a[0].raw), vmovn_s32((int32x4_t)a[1].raw)));
#endif
}

/// Integers in 8 bits each: between -128 and 127 if Signed, else between 0 and 255.
template <bool Signed>
LONGTAIL_INLINE I pack_bytes(const I (&a)[4]) {
#if LONGTAIL_SCALAR_LEVEL
  return (a[0] & 0xff) | (a[1] & 0xff) << 8 | (a[2] & 0xff) << 16 | a[3] << 24;
#elif defined(__AVX512BW__)
  const __m512i low = _mm512_packs_epi32((__m512i)a[0].raw, (__m512i)a[1].raw);
  const __m512i high = _mm512_packs_epi32((__m512i)a[2].raw, (__m512i)a[3].raw);
  const __m512i all = Signed ? _mm512_packs_epi16(low, high) : _mm512_packus_epi16(low, high);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return typename I::Raw(_mm512_maskz_permutexvar_epi32(0xffff, order, all));
#elif defined(__AVX2__)
  const __m256i low = _mm256_packs_epi32((__m256i)a[0].raw, (__m256i)a[1].raw);
  const __m256i high = _mm256_packs_epi32((__m256i)a[2].raw, (__m256i)a[3].raw);
  const __m256i all = Signed ? _mm256_packs_epi16(low, high) : _mm256_packus_epi16(low, high);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return typename I::Raw(_mm256_permutevar8x32_epi32(all, order));
#else
  const auto pair = [](I x, I y) {
    return vmovn_s16(vcombine_s16(vmovn_s32((int32x4_t)x.raw), vmovn_s32((int32x4_t)y.raw)));
  };
  return typename I::Raw(vcombine_s8(pair(a[0], a[1]), pair(a[2], a[3])));
#endif
}
/// For dot products with codes of either width.
LONGTAIL_INLINE I pack_queries(const I (&a)[4]) { return pack_bytes<true>(a); }
LONGTAIL_INLINE I pack_queries(const I (&a)[2]) { return pack_halves(a); }
LONGTAIL_INLINE I pack_weights(const I (&a)[4]) { return pack_bytes<false>(a); }
LONGTAIL_INLINE I pack_weights(const I (&a)[2]) { return pack_halves(a); }

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
