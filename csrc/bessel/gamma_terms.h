#pragma once
// The gamma function in the two forms that the family needs: R(v) of core/gamma_remainder.h, also
// for jets, and 1/Gamma(1 + mu) for |mu| <= 1/2, split as Temme's series needs it:
//
//   1/Gamma(1 + mu) = even(mu^2) + mu odd(mu^2)
//
// Taylor coefficients (Wrench, Math. Comp. 22 (1968) 617; DLMF 5.7.1), the last below 2^-60. The
// constant terms 1 and Euler's gamma are left out, because callers subtract nearly equal numbers.

#include "core/gamma_remainder.h"
#include "core/jet.h"
#include "bessel/radius.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// R(v) = log Gamma(v + 1) - (v + 1/2)(log(v + 1/2) - 1) - log(2 pi)/2
template <Real T>
LONGTAIL_INLINE T lgamma_remainder(const T& v) {
  return gamma_remainder(v);
}
template <class T>
LONGTAIL_INLINE Jet<T> lgamma_remainder(const Jet<T>& v) {
  return chain(v, gamma_remainder(v.f), gamma_remainder_slope(v.f), gamma_remainder_curvature(v.f));
}

template <class T>
inline constexpr SplitConstant<T> kEuler{0x1.2788cfc6fb619p-1, -0x1.6cb90701fbfabp-58};

/// even(mu^2) - 1
template <class J>
LONGTAIL_INLINE J reciprocal_gamma_even_tail(const J& mu2) {
  return mu2 * horner(mu2, -0x1.4fcf4026afa2ep-1, 0x1.5512320b43fbep-3, -0x1.3b4af28483e21p-7,
                      -0x1.317112ce3a2a8p-10, 0x1.0c8a78cd9f9d2p-13, -0x1.4fad41fc34fbbp-20,
                      -0x1.b9986666c225dp-23, 0x1.57bc3fc384334p-28, 0x1.cae7675c18607p-34,
                      -0x1.0423bac8ca3fbp-38);
}
/// odd(mu^2) - gamma
template <class J>
LONGTAIL_INLINE J reciprocal_gamma_odd_tail(const J& mu2) {
  return mu2 * horner(mu2, -0x1.5815e8fa27048p-5, -0x1.59af103c34092p-5, 0x1.d919c527f60b2p-8,
                      -0x1.c364fe6f1563dp-13, -0x1.51ce8af47eabep-16, 0x1.302509dbc0de3p-20,
                      0x1.a44b7ba22d629p-28, -0x1.44b4cedca388fp-30, 0x1.11d065bfaf067p-37,
                      0x1.1f20151323cd0p-41);
}
/// sin(pi mu)/(pi mu) - 1 by its Taylor series (DLMF 4.19.1). 1/(Gamma(1 + mu) Gamma(1 - mu)) is
/// the same (DLMF 5.5.3), but as a product would carry the errors of both.
template <class J>
LONGTAIL_INLINE J sine_quotient_tail(const J& mu2) {
  return mu2 * horner(mu2, -0x1.a51a6625307d3p+0, 0x1.9f9cb402bc46cp-1, -0x1.86a8e4720db67p-3,
                      0x1.ac6805cf350a6p-6, -0x1.33816aa4607abp-9, 0x1.374719fab3915p-13,
                      -0x1.d42498d1ce099p-18, 0x1.0fc992ff39e13p-22, -0x1.f5f9d970ca6dfp-28,
                      0x1.79788684225eap-33, -0x1.d7353939082fep-39);
}
/// 1/Gamma(1 + mu) - 1, small for small mu.
template <class J>
LONGTAIL_INLINE J reciprocal_gamma_minus_one(const J& mu) {
  using T = plain_t<J>;
  const J mu2 = mu * mu;
  return mu * (reciprocal_gamma_odd_tail(mu2) + T(kEuler<T>.high)) +
         reciprocal_gamma_even_tail(mu2);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
