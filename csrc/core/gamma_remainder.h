#pragma once
// R(v), what Stirling's formula centred at v + 1/2 leaves of log Gamma(v + 1), and its derivatives.
//
//   lgamma(v + 1) = w (log w - 1) + log(2 pi)/2 + R(v),  w = v + 1/2,  v >= 0.
//
// Unlike lgamma itself R is small (-0.0724 at v = 0, about -1/(24 w) for large v), smooth and free
// of logarithms: formulas cancel their large terms against w (log w - 1) on paper and add R.
//
// By Binet's second formula (DLMF 5.9.10, shifted by 1/2) w R is a Stieltjes function of
// t = 1/w^2: one rational function with coefficients of one sign serves all v >= 0, without a
// cancellation and without a branch. So do w^2 R' and w^3 R''. Coefficients:
// tools/fit_coefficients.py gamma_remainder.

#include "simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// Float lanes; anything else (double, jets over double) takes the double coefficients.
template <class T>
inline constexpr bool kSingle = false;
template <Real T>
inline constexpr bool kSingle<T> = sizeof(scalar_t<T>) == 4;
template <class T>
using Constant = std::conditional_t<kSingle<T>, float, double>;

/// R(v), v >= 0 (to 1e300; 0 at inf), relative error contract::gamma_remainder. T may be any
/// type with + * /, such as a jet.
template <class T>
LONGTAIL_HOST_DEVICE inline T gamma_remainder(T v) {
  using C = Constant<T>;
  const T inverse = C(1) / (v + C(0.5));
  const T t = inverse * inverse;
  if constexpr (kSingle<T>) {
    const T top = horner(t, -0x1.555556p-5f, -0x1.c5cceap-4f, -0x1.12a49cp-4f, -0x1.2e1dfep-7f,
                         -0x1.245082p-13f);
    const T bottom = horner(t, 0x1p0f, 0x1.5bd11cp1f, 0x1.bfd3ecp0f, 0x1.25e97p-2f, 0x1.0ee738p-7f);
    return inverse * (top / bottom);
  } else {
    const T top = horner(t, -0x1.5555555555555p-5, -0x1.269173455cc6p0, -0x1.78f719c79ce28p3,
                         -0x1.d37323e133b8dp5, -0x1.347dabf6e38cfp7, -0x1.c0e0c3effd523p7,
                         -0x1.691f3091db425p7, -0x1.3a0d0ff303a8bp6, -0x1.1844e971d9901p4,
                         -0x1.d1eabeb01bb56p0, -0x1.2b449f3add84ap-4, -0x1.7d213db9925cbp-11);
    const T bottom =
        horner(t, 0x1p0, 0x1.bac91bd6fa17ep4, 0x1.1c51de463eed2p8, 0x1.629c0a81ed578p10,
               0x1.d878481e17513p11, 0x1.5d05dc20ba5eep12, 0x1.1fcf67ad0de86p12,
               0x1.048c71396d573p11, 0x1.f0d02664337e4p8, 0x1.cdf427ac9e23ap5, 0x1.6bf5c0268ba2cp1,
               0x1.6a8c5991fd418p-5, 0x1.690a950602353p-14);
    return inverse * (top / bottom);
  }
}

/// R'(v) = digamma(v + 1) - log(v + 1/2), about 1/(24 w^2). Relative error:
/// contract::gamma_remainder_slope.
template <class T>
LONGTAIL_HOST_DEVICE inline T gamma_remainder_slope(T v) {
  using C = Constant<T>;
  const T inverse = C(1) / (v + C(0.5));
  const T t = inverse * inverse;
  if constexpr (kSingle<T>) {
    const T top =
        horner(t, 0x1.555556p-5f, 0x1.63cdd2p-3f, 0x1.71386p-3f, 0x1.98d68p-5f, 0x1.4e8378p-9f);
    const T bottom = horner(t, 0x1p0f, 0x1.160d88p2f, 0x1.3facaap2f, 0x1.c4e5e8p0f, 0x1.5c346p-3f,
                            0x1.51f7d6p-9f);
    return t * (top / bottom);
  } else {
    const T top =
        horner(t, 0x1.5555555555555p-5, 0x1.698ef4acdcf23p0, 0x1.1fcb57b15d63ap4, 0x1.c26dee7214p6,
               0x1.7d2adcaa585b7p8, 0x1.69ebaf923551dp9, 0x1.83d54e785d2e8p9, 0x1.ccad07d4cec77p8,
               0x1.226297f96bcd7p7, 0x1.66c6d40cf4e67p4, 0x1.77166192baa0cp0, 0x1.e2e78208a5abcp-6,
               0x1.a40ccd9a2942dp-15);
    const T bottom =
        horner(t, 0x1p0, 0x1.10919de80c1bfp5, 0x1.b58fc7b79e5a9p8, 0x1.5b0360bd5af62p11,
               0x1.2be553077ceb4p13, 0x1.2644dd9db077ep14, 0x1.4bd6b9c9eadf1p14,
               0x1.aa7c3b6e927aep13, 0x1.2fbb56de14d8fp12, 0x1.c6b76cffd4e42p9, 0x1.45fcbefb930ffp6,
               0x1.7842f66ec4b56p1, 0x1.d34591d8c7e33p-6);
    return t * (top / bottom);
  }
}

/// R''(v) = trigamma(v + 1) - 1/(v + 1/2), about -1/(12 w^3). Relative error:
/// contract::gamma_remainder_curvature.
template <class T>
LONGTAIL_HOST_DEVICE inline T gamma_remainder_curvature(T v) {
  using C = Constant<T>;
  const T inverse = C(1) / (v + C(0.5));
  const T t = inverse * inverse;
  if constexpr (kSingle<T>) {
    const T top = horner(t, -0x1.555556p-4f, -0x1.038f66p-1f, -0x1.a24d8cp-1f, -0x1.8d68e2p-2f,
                         -0x1.5c3f44p-5f, -0x1.9f5f5ap-13f);
    const T bottom = horner(t, 0x1p0f, 0x1.9bbd78p2f, 0x1.78ed86p3f, 0x1.d933fap2f, 0x1.831546p0f,
                            0x1.300416p-4f);
    return (t * inverse) * (top / bottom);
  } else {
    const T top = horner(t, -0x1.5555555555555p-4, -0x1.934d104fee6a1p1, -0x1.6716f4273974ap5,
                         -0x1.3af947693784p8, -0x1.2b0ca625ab7efp10, -0x1.3e722096b9563p11,
                         -0x1.7de3ee8013c3bp11, -0x1.f995b1bf27a54p10, -0x1.60fd52d125d0ep9,
                         -0x1.deacdf98bfbb7p6, -0x1.0e830d771bfep3, -0x1.6937686959e0fp-3,
                         -0x1.07f7b860d2438p-13);
    const T bottom =
        horner(t, 0x1p0, 0x1.31469908bf9bep5, 0x1.13db54bf8d82cp9, 0x1.ef53d374b00a4p11,
               0x1.e7968e02534dep13, 0x1.1264b9990ff17p15, 0x1.65e333ccbb3d5p15,
               0x1.0cc5c90bb0dc2p15, 0x1.c58529ba3d894p13, 0x1.99d68c6647cb2p11,
               0x1.6cce5f364507bp8, 0x1.11aabecd827adp4, 0x1.e20adee4cbe8p-3);
    return (t * inverse) * (top / bottom);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
