#pragma once
// The Debye (uniform) expansions, written so that they also hold at v = 0.
//
//   I_v(x) ~ e^phi U(+1/w) / sqrt(2 pi w),   K_v(x) ~ e^-phi U(-1/w) sqrt(pi / (2 w)),
//   phi = w - v asinh(v/x),  w = sqrt(v^2 + x^2),  U(r) = sum_k p_k(v^2/w^2) r^k.
//
// DLMF 10.41.3-4 with t = v/w: u_k(t)/v^k = p_k(t^2)/w^k. In this form the one expansion replaces
// Hankel's for large x as well. Its terms behave as (k-1)!/(2 w)^k: kDebyeTerms at w = 25.

#include "core/jet.h"
#include "bessel/debye_coefficients.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// 21, 12 or 9 terms in double; for float 8, 5 or 4 leave less than 1e-9. Derivatives of the
/// remainder are larger than it: jets take a few terms more.
template <int Terms, class J>
inline constexpr int kTermsFor = (sizeof(scalar_t<plain_t<J>>) == 8 ? Terms
                                  : Terms == 21                     ? 8
                                  : Terms == 12                     ? 5
                                                                    : 4) +
                                 (kIsJet<J> ? 3 : 0);

/// sum_{k < Terms} p_k(tau) r^k, largest degree first; r = 1/w for I, -1/w for K.
template <int Terms, class J>
LONGTAIL_INLINE J debye_sum(const J& tau, const J& r) {
  using T = plain_t<J>;
  using S = scalar_t<T>;
  J sum = J(T(0.0));
  LONGTAIL_KEEP_LOOP
  for (int k = kTermsFor<Terms, J> - 1; k >= 0; --k) {
    J p = J(T(debye_coefficient<S>(k, k)));
    LONGTAIL_KEEP_LOOP
    for (int j = k - 1; j >= 0; --j) p = p * tau + T(debye_coefficient<S>(k, j));
    sum = sum * r + p;
  }
  return sum;
}

template <int K, int J, Real T>
LONGTAIL_INLINE T debye_polynomial(T tau) {
  if constexpr (J == K) {
    return T(debye_coefficient<scalar_t<T>>(K, K));
  } else {
    return fma(debye_polynomial<K, J + 1>(tau), tau, T(debye_coefficient<scalar_t<T>>(K, J)));
  }
}
template <int Terms, int K = 0, Real T>
LONGTAIL_INLINE T debye_sum_unrolled(T tau, T r) {
  if constexpr (K == Terms - 1) {
    return debye_polynomial<K, 0>(tau);
  } else {
    return fma(debye_sum_unrolled<Terms, K + 1>(tau, r), r, debye_polynomial<K, 0>(tau));
  }
}
/// The same for plain values, unrolled: this is the hot loop of the library.
template <int Terms, Real T>
LONGTAIL_INLINE T debye_sum(const T& tau, const T& r) {
  return debye_sum_unrolled<kTermsFor<Terms, T>>(tau, r);
}

/// U(r) and the slope c with
///   I_{v+1}/I_v = x (1/(w + v) - c/w)   at r = 1/w,
///   K_{v+1}/K_v = (v + w + c x^2/w)/x   at r = -1/w.
/// From DLMF 10.41.5-6, v_k = u_k - t (1 - t^2) (u_{k-1}/2 + t u'_{k-1}): the factor 1 - t^2 =
/// (x/w)^2 taken out by hand leaves nothing to cancel; c = sum (1/2+k+2j) p_kj tau^j r^k / (w U).
template <int Terms, class J>
LONGTAIL_INLINE J debye_slope(const J& tau, const J& r, const J& inverse_w) {
  using T = plain_t<J>;
  using S = scalar_t<T>;
  J sum = J(T(0.0)), slope = J(T(0.0));
  LONGTAIL_KEEP_LOOP
  for (int k = kTermsFor<Terms, J> - 1; k >= 0; --k) {
    const S top = debye_coefficient<S>(k, k);
    J p = J(T(top)), s = J(T((S(0.5) + S(3 * k)) * top));
    LONGTAIL_KEEP_LOOP
    for (int j = k - 1; j >= 0; --j) {
      const S c = debye_coefficient<S>(k, j);
      p = p * tau + T(c);
      s = s * tau + T((S(0.5) + S(k + 2 * j)) * c);
    }
    sum = sum * r + p;
    slope = slope * r + s;
  }
  return slope * inverse_w / sum;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
