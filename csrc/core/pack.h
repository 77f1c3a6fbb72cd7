#pragma once
// Packs the lanes that a mask selects to the front: what sorts elements by branch before each
// branch runs on full vectors.

#include "core/simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// One lane: writes it and counts it if it is selected.
LONGTAIL_INLINE int pack(double* to, bool selected, double a) {
  *to = a;
  return selected ? 1 : 0;
}

/// Stores the selected lanes of `a` one after another at `to` and returns their number. Up to a
/// whole vector is written; what lies past the selected lanes is unspecified.
template <int N>
LONGTAIL_INLINE int pack(double* to, Mask<8, N> selected, Vec<double, N> a) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
  if constexpr (N == 8) {
    const __mmask8 bits = _mm512_movepi64_mask(reinterpret_cast<__m512i>(selected.raw));
    _mm512_storeu_pd(to, _mm512_maskz_compress_pd(bits, reinterpret_cast<__m512d>(a.raw)));
    return __builtin_popcount(bits);
  }
#endif
  int count = 0;
  for (int i = 0; i < N; ++i) {
    to[count] = a[i];
    count += selected[i] ? 1 : 0;
  }
  return count;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
