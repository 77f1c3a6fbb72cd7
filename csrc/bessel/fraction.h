#pragma once
// I_{v+1}(x)/I_v(x) by its continued fraction, for w < kDebyeRadius.
//
//   A_v = x / (2 (v + 1) + x A_{v+1})                                          (DLMF 10.33.1)
//
// evaluated backwards from A_{v+n} ~ x / (u + sqrt(u^2 + x^2)), u = v + n + 1 (Amos 1974, (11)).
// Each step multiplies an earlier relative error by less than A^2 < 1: only the last one counts.

#include "core/jet.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// A_v/x, which stays finite at x = 0.
template <class J>
LONGTAIL_INLINE J ratio_fraction_over_x(const J& v, const J& x) {
  using T = plain_t<J>;
  constexpr int steps = kIsJet<J> ? 44 : 34;  // start error below 2^-56 (2^-80) at w = 25
  const J u = v + T(steps + 1.0);
  J a = x / (u + sqrt(u * u + x * x));
  for (int k = steps; k >= 2; --k) a = x / (T(2.0) * (v + T(double(k))) + x * a);
  return T(1.0) / (T(2.0) * (v + T(1.0)) + x * a);
}
template <class J>
LONGTAIL_INLINE J ratio_fraction(const J& v, const J& x) {
  return x * ratio_fraction_over_x(v, x);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
