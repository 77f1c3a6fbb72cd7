#pragma once
// Sums of products of small integers, the one instruction that integer attention lives by, and how
// its operands lie in memory on each level.
//
//   level        a 32-bit lane adds                           element   at a time
//   avx512vnni   4 products of u8 and s8     (vpdpbusd)       1 byte    16 lanes
//   neondot      4 products of s8 and s8     (sdot)           1 byte    4 lanes
//   avx512       2 products of s16 and s16   (vpmaddwd)       2 bytes   16 lanes
//   avx2         the same                                     2 bytes   8 lanes
//   neon         the same                    (smlal)          2 bytes   4 lanes
//   scalar       2 products, in plain C++                     2 bytes   1 lane
//
// Bytes without vpdpbusd would mean vpmaddubsw, which saturates: 2 * 255 * 127 leaves 16 bits. Its
// exact forms (|a| times b with a's sign) take as many instructions as widening to 16 bits does.
//
// Two operands meet here: `vector`, kGroup elements in each lane, and `word`, kGroup elements that
// all lanes share. Keys times a query: the vector is of keys. Values times weights: the vector is
// of values. Where the instruction wants one of them unsigned or signed, an offset is stored with
// the codes and taken back by where the sum starts: see kKeyOffset and kWeightOffset.

#include "core/simd.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

#if defined(__AVX512VNNI__)
#define LONGTAIL_DOT_BYTES 1
using Element = std::uint8_t;
inline constexpr int kKeyOffset = 128;   // keys are stored unsigned, times signed queries
inline constexpr int kWeightOffset = 0;  // weights are unsigned, times signed values
#elif defined(__ARM_FEATURE_DOTPROD)
#define LONGTAIL_DOT_BYTES 1
using Element = std::uint8_t;
inline constexpr int kKeyOffset = 0;
inline constexpr int kWeightOffset = 128;  // 0 ... 255 as -128 ... 127
#else
#define LONGTAIL_DOT_BYTES 0
using Element = std::uint16_t;
inline constexpr int kKeyOffset = 0;
inline constexpr int kWeightOffset = 0;
#endif

/// Elements in a 32-bit lane: channels of a key, or keys of a channel.
inline constexpr int kGroup = 4 / int(sizeof(Element));

using Float = native<float>;
inline constexpr int kWidth = kLanes<Float>;
using Sums = int_t<Float>;

LONGTAIL_INLINE std::int32_t load_word(const Element* from) {
  std::int32_t word;
  __builtin_memcpy(&word, from, sizeof(word));
  return word;
}

#if defined(__AVX512VNNI__)
using DotVector = __m512i;
LONGTAIL_INLINE DotVector load_dot(const Element* from) { return _mm512_loadu_si512(from); }
LONGTAIL_INLINE Sums dot_keys(Sums sum, DotVector keys, std::int32_t query) {
  return (Sums::Raw)_mm512_dpbusd_epi32((__m512i)sum.raw, keys, _mm512_set1_epi32(query));
}
LONGTAIL_INLINE Sums dot_values(Sums sum, DotVector values, std::int32_t weights) {
  return (Sums::Raw)_mm512_dpbusd_epi32((__m512i)sum.raw, _mm512_set1_epi32(weights), values);
}
#elif defined(__ARM_FEATURE_DOTPROD)
using DotVector = int8x16_t;
LONGTAIL_INLINE DotVector load_dot(const Element* from) {
  return vreinterpretq_s8_u8(vld1q_u8(from));
}
LONGTAIL_INLINE Sums dot_keys(Sums sum, DotVector keys, std::int32_t query) {
  return (Sums::Raw)vdotq_s32((int32x4_t)sum.raw, keys, vreinterpretq_s8_s32(vdupq_n_s32(query)));
}
LONGTAIL_INLINE Sums dot_values(Sums sum, DotVector values, std::int32_t weights) {
  return dot_keys(sum, values, weights);
}
#else
#if defined(__AVX512BW__) && !LONGTAIL_SCALAR_LEVEL
using DotVector = __m512i;
LONGTAIL_INLINE DotVector load_dot(const Element* from) { return _mm512_loadu_si512(from); }
LONGTAIL_INLINE Sums dot_keys(Sums sum, DotVector keys, std::int32_t query) {
  return (Sums::Raw)_mm512_add_epi32((__m512i)sum.raw,
                                     _mm512_madd_epi16(keys, _mm512_set1_epi32(query)));
}
#elif defined(__AVX2__) && !LONGTAIL_SCALAR_LEVEL
using DotVector = __m256i;
LONGTAIL_INLINE DotVector load_dot(const Element* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
LONGTAIL_INLINE Sums dot_keys(Sums sum, DotVector keys, std::int32_t query) {
  return (Sums::Raw)_mm256_add_epi32((__m256i)sum.raw,
                                     _mm256_madd_epi16(keys, _mm256_set1_epi32(query)));
}
#elif defined(__aarch64__) && !LONGTAIL_SCALAR_LEVEL
using DotVector = int16x8_t;
LONGTAIL_INLINE DotVector load_dot(const Element* from) {
  return vreinterpretq_s16_u16(vld1q_u16(from));
}
LONGTAIL_INLINE Sums dot_keys(Sums sum, DotVector keys, std::int32_t query) {
  const int16x8_t word = vreinterpretq_s16_s32(vdupq_n_s32(query));
  const int32x4_t low = vmull_s16(vget_low_s16(keys), vget_low_s16(word));
  const int32x4_t high = vmull_high_s16(keys, word);
  return (Sums::Raw)vaddq_s32((int32x4_t)sum.raw, vpaddq_s32(low, high));
}
#else
using DotVector = std::int32_t;
LONGTAIL_INLINE DotVector load_dot(const Element* from) { return load_word(from); }
LONGTAIL_INLINE Sums dot_keys(Sums sum, DotVector keys, std::int32_t query) {
  const auto low = [](std::int32_t word) { return static_cast<std::int16_t>(word & 0xffff); };
  const auto high = [](std::int32_t word) { return static_cast<std::int16_t>(word >> 16); };
  return sum + low(keys) * low(query) + high(keys) * high(query);
}
#endif
LONGTAIL_INLINE Sums dot_values(Sums sum, DotVector values, std::int32_t weights) {
  return dot_keys(sum, values, weights);
}
#endif

// Codes come out of the bits of 1.5 * 2^23 + x: rounded to nearest even, in two's complement.
inline constexpr float kRounder = 0x1.8p23f;

/// Stores the low bits of every lane one after another. Instructions by name, since GCC 12 takes
/// __builtin_convertvector apart lane by lane; masked, since it warns about the plain ones.
LONGTAIL_INLINE void store_low(Element* to, Sums x) {
#if LONGTAIL_SCALAR_LEVEL
  *to = static_cast<Element>(x);
#elif defined(__AVX512VNNI__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm512_maskz_cvtepi32_epi8(0xffff, (__m512i)x.raw));
#elif defined(__AVX512BW__)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)x.raw));
#elif defined(__AVX2__)
  // vpackusdw saturates, so the upper halves go first; it works on both 128-bit halves apart.
  const __m256i low = _mm256_and_si256((__m256i)x.raw, _mm256_set1_epi32(0xffff));
  const __m256i halves = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(halves));
#elif defined(__ARM_FEATURE_DOTPROD)
  const uint16x4_t half = vmovn_u32(vreinterpretq_u32_s32((int32x4_t)x.raw));
  const uint8x8_t quarter = vmovn_u16(vcombine_u16(half, half));
  vst1_lane_u32(reinterpret_cast<std::uint32_t*>(to), vreinterpret_u32_u8(quarter), 0);
#else
  vst1_u16(to, vmovn_u32(vreinterpretq_u32_s32((int32x4_t)x.raw)));
#endif
}

/// Rounds the lanes of x to integers, adds an offset, and stores their low bits.
LONGTAIL_INLINE void store_codes(Element* to, Float x, int offset) {
  store_low(to, add_bits(bits(x + kRounder), Sums(offset)));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
