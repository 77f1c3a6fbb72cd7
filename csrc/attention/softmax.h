#pragma once
// The exponentials of attention, in powers of two.

#include "core/simd.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kLn2 = 0x1.62e43p-1f;

/// 2^x for x <= 64, relative error below 1.7e-7; 2^-120 for x below -120, -inf too, which is
/// nothing beside the 1 that every row has. nan stays nan.
///
/// Formula: 2^n 2^f with n = rint(x), by the bits of 1.5 * 2^23 + x, and 2^f by a polynomial of
/// degree 5 with the smallest largest relative error on |f| <= 1/2 that leaves 2^0 = 1.
template <Real T>
LONGTAIL_INLINE T exp2_of_score(T x) {
  using S = scalar_t<T>;
  const T bounded = max(T(S(-120)), x);
  const T shifted = bounded + S(0x1.8p23);
  const T f = bounded - (shifted - S(0x1.8p23));
  const T p = horner(f, 0x1p0f, 0x1.62e42ap-1f, 0x1.ebf9bcp-3f, 0x1.c6b74cp-5f, 0x1.3cea94p-7f,
                     0x1.5bbcdap-10f);
  return from_bits(add_bits(bits(p), bits(shifted) << 23));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
