#pragma once
// The ascending series of I and 0F1: every term is positive, so nothing cancels.
//
//   0F1(; b; z) = sum_k z^k / (k! (b)_k),   I_v(x) = (x/2)^v / Gamma(v + 1) 0F1(; v + 1; x^2/4)
//
// DLMF 10.25.2, 16.2.1. Used for w < kDebyeRadius, where fewer than 64 terms remain.

#include "core/jet.h"
#include "bessel/radius.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// The lanes of `sum` that adding `term` and all that follow leaves as they are.
template <Real T>
LONGTAIL_INLINE mask_t<T> settled(T term, T sum) {
  return abs(term) <= T(kEpsilon<T> / 4) * abs(sum);
}
/// For jets a bound with room for the derivatives, which are larger than the term. It says nothing
/// while all terms are tiny: loops that differentiate do kFirstTest terms before they ask.
template <class T>
LONGTAIL_INLINE mask_t<T> settled(const Jet<T>& term, const Jet<T>& sum) {
  return abs(term.f) <= T(kWide<T> ? 0x1p-80 : 0x1p-38) * abs(sum.f);
}
template <class J>
inline constexpr int kFirstTest = kIsJet<J> ? 4 : 0;

/// True once every lane is done. Until then `factor`, of which all further terms are multiples, is
/// 0 in those that are: derivatives and low parts would notice how long the neighbours go on.
template <class J>
LONGTAIL_INLINE bool ended(mask_t<plain_t<J>> done, J& factor) {
  factor = select(done, J(plain_t<J>(0.0)), factor);
  return all(done);
}

/// 0F1(; v + 1; z) - 1 for v > -1, z >= 0. `b` is v + 1, given apart for the sake of b near 0.
template <class J>
LONGTAIL_INLINE J power_series_tail(const J& v, const J& b, const J& z) {
  using T = plain_t<J>;
  J term = z / b, sum = term;
  for (int k = 2; k < 72; ++k) {
    term = term * (z / ((v + T(double(k))) * T(double(k))));
    sum = sum + term;
    if (k >= kFirstTest<J> && ended(settled(term, sum), term)) break;
  }
  return sum;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
