#pragma once
// Whole vectors of float from and to memory of bfloat16 and float16, a few instructions each.
// Values are those of half.h: widening is exact, narrowing rounds once to nearest even.

#include "core/element_lanes.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {
namespace half_lanes {

template <int N>
using Bits16 = lanes::raw<std::uint16_t, N>;
template <int N>
using Bits32 = lanes::raw<std::uint32_t, N>;

// Between 32 and 16 bits a lane. Instructions by name where there are some: GCC 12 takes
// __builtin_convertvector apart lane by lane; masked, since it warns about the plain ones.
template <int N>
LONGTAIL_INLINE Bits32<N> to_32_bits(Bits16<N> a) {
#if defined(__AVX512BW__)
  if constexpr (N == 16) return (Bits32<N>)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)a);
#endif
#if defined(__AVX2__)
  if constexpr (N == 8) return (Bits32<N>)_mm256_cvtepu16_epi32((__m128i)a);
#elif defined(__aarch64__)
  if constexpr (N == 4) return (Bits32<N>)vmovl_u16((uint16x4_t)a);
#endif
  return __builtin_convertvector(a, Bits32<N>);
}
template <int N>
LONGTAIL_INLINE Bits16<N> to_16_bits(Bits32<N> a) {  // the upper halves are zero
#if defined(__AVX512BW__)
  if constexpr (N == 16) return (Bits16<N>)_mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)a);
#endif
#if defined(__AVX2__)
  if constexpr (N == 8) {  // vpackusdw works on both 128-bit halves apart
    const __m256i packed = _mm256_packus_epi32((__m256i)a, (__m256i)a);
    return (Bits16<N>)_mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08));
  }
#elif defined(__aarch64__)
  if constexpr (N == 4) return (Bits16<N>)vmovn_u32((uint32x4_t)a);
#endif
  return __builtin_convertvector(a, Bits16<N>);
}

template <int N>
LONGTAIL_INLINE Vec<float, N> widen_bfloat16(Bits16<N> a) {
  return (lanes::raw<float, N>)(to_32_bits<N>(a) << 16);
}
template <int N>
LONGTAIL_INLINE Bits16<N> narrow_bfloat16(Vec<float, N> a) {
  const auto bits = (Bits32<N>)a.raw;
  const Bits32<N> rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const Bits32<N> quiet = (bits >> 16) | 0x40;
  return to_16_bits<N>((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

// float16 has instructions at each level with vectors, for its own vectors.
template <class A>
void widen_float16(A) = delete;
template <class A>
void narrow_float16(A) = delete;

#if defined(__AVX512F__)
// The masked forms, all lanes on: GCC 12 warns about the undefined register inside the plain ones.
LONGTAIL_INLINE Vec<float, 16> widen_float16(Bits16<16> a) {
  return (lanes::raw<float, 16>)_mm512_maskz_cvtph_ps(0xffff, (__m256i)a);
}
LONGTAIL_INLINE Bits16<16> narrow_float16(Vec<float, 16> a) {
  return (Bits16<16>)_mm512_maskz_cvtps_ph(0xffff, (__m512)a.raw,
                                           _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#endif
#if defined(__F16C__)
LONGTAIL_INLINE Vec<float, 8> widen_float16(Bits16<8> a) {
  return (lanes::raw<float, 8>)_mm256_cvtph_ps((__m128i)a);
}
LONGTAIL_INLINE Bits16<8> narrow_float16(Vec<float, 8> a) {
  return (Bits16<8>)_mm256_cvtps_ph((__m256)a.raw, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#endif
#if defined(__aarch64__)
LONGTAIL_INLINE Vec<float, 4> widen_float16(Bits16<4> a) {
  return (lanes::raw<float, 4>)vcvt_f32_f16((float16x4_t)a);
}
LONGTAIL_INLINE Bits16<4> narrow_float16(Vec<float, 4> a) {
  return (Bits16<4>)vcvt_f16_f32((float32x4_t)a.raw);
}
#endif

}  // namespace half_lanes

/// kLanes<T> elements from p.
template <class T, class E>
LONGTAIL_INLINE T load_wide(const E* p) {
  if constexpr (kLanes<T> > 1 && sizeof(E) == 2) {
    half_lanes::Bits16<kLanes<T>> bits;
    __builtin_memcpy(&bits, p, sizeof(bits));
    if constexpr (std::is_same_v<E, bfloat16>) {
      return half_lanes::widen_bfloat16<kLanes<T>>(bits);
    } else {
      return half_lanes::widen_float16(bits);
    }
  } else {
    return load_full<T>(p);
  }
}
template <class T, class E>
LONGTAIL_INLINE void store_narrow(E* p, T a) {
  if constexpr (kLanes<T> > 1 && sizeof(E) == 2) {
    half_lanes::Bits16<kLanes<T>> bits;
    if constexpr (std::is_same_v<E, bfloat16>) {
      bits = half_lanes::narrow_bfloat16(a);
    } else {
      bits = half_lanes::narrow_float16(a);
    }
    __builtin_memcpy(p, &bits, sizeof(bits));
  } else {
    store_full(p, a);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
