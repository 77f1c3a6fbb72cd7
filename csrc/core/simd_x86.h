#pragma once
// x86-64 instructions behind simd_lanes.h, from SSE4.1 (level scalar) to AVX-512.

#include "simd_lanes.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {
namespace lanes {

// 128 bits.
LONGTAIL_INLINE raw<double, 2> sqrt(raw<double, 2> a) { return _mm_sqrt_pd(a); }
LONGTAIL_INLINE raw<float, 4> sqrt(raw<float, 4> a) { return _mm_sqrt_ps(a); }
LONGTAIL_INLINE raw<double, 2> rint(raw<double, 2> a) {
  return _mm_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
LONGTAIL_INLINE raw<float, 4> rint(raw<float, 4> a) {
  return _mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
LONGTAIL_INLINE raw<double, 2> floor(raw<double, 2> a) { return _mm_floor_pd(a); }
LONGTAIL_INLINE raw<float, 4> floor(raw<float, 4> a) { return _mm_floor_ps(a); }
LONGTAIL_INLINE bool any(raw<std::int64_t, 2> m) { return _mm_movemask_pd((__m128d)m) != 0; }
LONGTAIL_INLINE bool any(raw<std::int32_t, 4> m) { return _mm_movemask_ps((__m128)m) != 0; }

#if defined(__FMA__)
LONGTAIL_INLINE raw<double, 2> fma(raw<double, 2> a, raw<double, 2> b, raw<double, 2> c) {
  return _mm_fmadd_pd(a, b, c);
}
LONGTAIL_INLINE raw<float, 4> fma(raw<float, 4> a, raw<float, 4> b, raw<float, 4> c) {
  return _mm_fmadd_ps(a, b, c);
}
LONGTAIL_INLINE raw<double, 4> fma(raw<double, 4> a, raw<double, 4> b, raw<double, 4> c) {
  return _mm256_fmadd_pd(a, b, c);
}
LONGTAIL_INLINE raw<float, 8> fma(raw<float, 8> a, raw<float, 8> b, raw<float, 8> c) {
  return _mm256_fmadd_ps(a, b, c);
}
#endif

#if defined(__AVX2__)
LONGTAIL_INLINE raw<double, 4> sqrt(raw<double, 4> a) { return _mm256_sqrt_pd(a); }
LONGTAIL_INLINE raw<float, 8> sqrt(raw<float, 8> a) { return _mm256_sqrt_ps(a); }
LONGTAIL_INLINE raw<double, 4> rint(raw<double, 4> a) {
  return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
LONGTAIL_INLINE raw<float, 8> rint(raw<float, 8> a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
LONGTAIL_INLINE raw<double, 4> floor(raw<double, 4> a) { return _mm256_floor_pd(a); }
LONGTAIL_INLINE raw<float, 8> floor(raw<float, 8> a) { return _mm256_floor_ps(a); }
LONGTAIL_INLINE bool any(raw<std::int64_t, 4> m) { return _mm256_movemask_pd((__m256d)m) != 0; }
LONGTAIL_INLINE bool any(raw<std::int32_t, 8> m) { return _mm256_movemask_ps((__m256)m) != 0; }
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
// The masked forms, all lanes on: GCC 12 warns about the undefined register inside the plain ones.
LONGTAIL_INLINE raw<double, 8> fma(raw<double, 8> a, raw<double, 8> b, raw<double, 8> c) {
  return _mm512_fmadd_pd(a, b, c);
}
LONGTAIL_INLINE raw<float, 16> fma(raw<float, 16> a, raw<float, 16> b, raw<float, 16> c) {
  return _mm512_fmadd_ps(a, b, c);
}
LONGTAIL_INLINE raw<double, 8> sqrt(raw<double, 8> a) { return _mm512_mask_sqrt_pd(a, 0xff, a); }
LONGTAIL_INLINE raw<float, 16> sqrt(raw<float, 16> a) { return _mm512_mask_sqrt_ps(a, 0xffff, a); }
LONGTAIL_INLINE raw<double, 8> rint(raw<double, 8> a) {
  return _mm512_mask_roundscale_pd(a, 0xff, a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
LONGTAIL_INLINE raw<float, 16> rint(raw<float, 16> a) {
  return _mm512_mask_roundscale_ps(a, 0xffff, a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
LONGTAIL_INLINE raw<double, 8> floor(raw<double, 8> a) {
  return _mm512_mask_roundscale_pd(a, 0xff, a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
LONGTAIL_INLINE raw<float, 16> floor(raw<float, 16> a) {
  return _mm512_mask_roundscale_ps(a, 0xffff, a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
LONGTAIL_INLINE raw<double, 8> scale(raw<double, 8> a, raw<double, 8> n) {
  return _mm512_mask_scalef_pd(a, 0xff, a, n);
}
LONGTAIL_INLINE raw<float, 16> scale(raw<float, 16> a, raw<float, 16> n) {
  return _mm512_mask_scalef_ps(a, 0xffff, a, n);
}
LONGTAIL_INLINE bool any(raw<std::int64_t, 8> m) { return _mm512_movepi64_mask((__m512i)m) != 0; }
LONGTAIL_INLINE bool any(raw<std::int32_t, 16> m) { return _mm512_movepi32_mask((__m512i)m) != 0; }
#endif

}  // namespace lanes
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
