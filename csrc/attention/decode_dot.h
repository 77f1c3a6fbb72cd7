#pragma once
// Dot products of codes and what they are multiplied by, queries or weights: of 8 bits each for
// 4-bit codes, of 16 for 8-bit codes. The sums are exact, so all levels have the same.
//
//                4-bit codes: 4 products a lane       8-bit codes: 2 products a lane
//   avx512vnni   vpdpbusd                             vpdpwssd
//   avx2, avx512 vpmaddubsw, vpmaddwd, an addition    vpmaddwd, an addition
//   neondot      sdot, udot                           as neon
//   neon         smull, umull and pairwise additions  two multiply-adds of the halves
//
// Queries are signed, weights are not. vpmaddubsw, which saturates elsewhere, has room here: 15
// times 255 twice is a quarter of what 16 bits hold.
//
// How many bits are enough: 4-bit keys give a score an error of variance step^2 / 12 a channel,
// step being the query's value times the scale. Rounding that value to 8 bits adds less than 1 %
// where all channels have much the same size, and at most a sixth where one channel has everything.
// 8-bit weights add at most 2 % to the variance that 4-bit values have. Beside 8-bit codes, which
// are 17 times as fine, either would be the larger part.

#include "attention/cache_math.h"
#include "attention/decode_lanes.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// The largest query and weight.
template <int Bits>
inline constexpr float kLargestQuery = Bits == 4 ? 127 : 32767;
template <int Bits>
inline constexpr float kLargestWeight = Bits == 4 ? 255 : 32767;

/// Queries or weights in one vector.
template <int Bits>
inline constexpr int kPacked = CodeFormat<Bits>::kPerLane * kWide;

/// Two 16-bit products a lane, a_low and a_high from 0 to 255.
LONGTAIL_INLINE I dot_pairs(I sum, I a, I b) {
#if LONGTAIL_SCALAR_LEVEL
  return sum + (a & 0xffff) * static_cast<std::int16_t>(b) + (a >> 16) * (b >> 16);
#elif defined(__AVX512VNNI__)
  return typename I::Raw(_mm512_dpwssd_epi32((__m512i)sum.raw, (__m512i)a.raw, (__m512i)b.raw));
#elif defined(__AVX512BW__)
  return sum + I(typename I::Raw(_mm512_madd_epi16((__m512i)a.raw, (__m512i)b.raw)));
#elif defined(__AVX2__)
  return sum + I(typename I::Raw(_mm256_madd_epi16((__m256i)a.raw, (__m256i)b.raw)));
#else
  const typename I::Raw low = (a.raw & 0xffff) * ((b.raw << 16) >> 16);
  return typename I::Raw(sum.raw + low + (a.raw >> 16) * (b.raw >> 16));
#endif
}

/// Four products a lane of unsigned and signed bytes, one of both at most 15.
LONGTAIL_INLINE I dot_bytes(I sum, I bytes, I signed_bytes) {
#if defined(__AVX512VNNI__)
  return typename I::Raw(
      _mm512_dpbusd_epi32((__m512i)sum.raw, (__m512i)bytes.raw, (__m512i)signed_bytes.raw));
#elif defined(__AVX512BW__) && !LONGTAIL_SCALAR_LEVEL
  const __m512i pairs = _mm512_maddubs_epi16((__m512i)bytes.raw, (__m512i)signed_bytes.raw);
  return sum + I(typename I::Raw(_mm512_madd_epi16(pairs, _mm512_set1_epi16(1))));
#elif defined(__AVX2__) && !LONGTAIL_SCALAR_LEVEL
  const __m256i pairs = _mm256_maddubs_epi16((__m256i)bytes.raw, (__m256i)signed_bytes.raw);
  return sum + I(typename I::Raw(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
#else
  // In plain arithmetic, whatever the lanes.
  I result = sum;
  for (int shift = 0; shift < 32; shift += 8) {
    result = result + (bytes >> shift & I(0xff)) * ((signed_bytes << (24 - shift)) >> 24);
  }
  return result;
#endif
}

/// sum + codes . queries, and sum + codes . weights, lane by lane.
template <int Bits>
LONGTAIL_INLINE I dot_queries(I sum, I codes, I queries) {
  if constexpr (Bits == 8) {
    return dot_pairs(sum, codes, queries);
  } else {
#if defined(__ARM_FEATURE_DOTPROD) && !LONGTAIL_SCALAR_LEVEL
    return typename I::Raw(
        vdotq_s32((int32x4_t)sum.raw, (int8x16_t)codes.raw, (int8x16_t)queries.raw));
#elif defined(__aarch64__) && !LONGTAIL_SCALAR_LEVEL
    const auto a = (int8x16_t)codes.raw, b = (int8x16_t)queries.raw;
    const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
    return typename I::Raw(vpadalq_s16((int32x4_t)sum.raw, vpaddq_s16(low, high)));
#else
    return dot_bytes(sum, codes, queries);
#endif
  }
}
template <int Bits>
LONGTAIL_INLINE I dot_weights(I sum, I codes, I weights) {
  if constexpr (Bits == 8) {
    return dot_pairs(sum, codes, weights);
  } else {
#if defined(__ARM_FEATURE_DOTPROD) && !LONGTAIL_SCALAR_LEVEL
    return typename I::Raw(
        vdotq_u32((uint32x4_t)sum.raw, (uint8x16_t)codes.raw, (uint8x16_t)weights.raw));
#elif defined(__aarch64__) && !LONGTAIL_SCALAR_LEVEL
    const auto a = (uint8x16_t)codes.raw, b = (uint8x16_t)weights.raw;
    const uint16x8_t low = vmull_u8(vget_low_u8(a), vget_low_u8(b)), high = vmull_high_u8(a, b);
    return typename I::Raw(vpadalq_u16((uint32x4_t)sum.raw, vpaddq_u16(low, high)));
#else
    return dot_bytes(sum, weights, codes);
#endif
  }
}

/// The codes of step j, 0 or 1, out of words: see cache_layout.h.
template <int Bits>
LONGTAIL_INLINE I codes_of(I words, int j) {
  return (words >> (Bits * j)) & I(CodeFormat<Bits>::kLaneMask);
}

/// As codes: 1 in every place.
template <int Bits>
inline constexpr std::int32_t kOnes = CodeFormat<Bits>::kLaneMask / CodeFormat<Bits>::kLargest;

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
