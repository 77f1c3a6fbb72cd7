#pragma once
// The distribution function of the standard normal, for scalars, vectors and CUDA.
//
// Method: (x + 1/2) e^(x^2) erfc(x) is smooth in t = (x - 3)/(x + 3) all the way to infinity (the
// substitution of Schonfelder, Math. Comp. 32, 1978), so one polynomial serves all x >= 0: no
// branch and no table. Coefficients: tools/fit_coefficients.py erfc_family.

#include "core/exp.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// Phi(u) and the density e^(-u^2/2) / sqrt(2 pi), for |u| < 2^63 (2^1023 in double: where u^2 is
/// finite) with an error of a few epsilon, relative also where u is negative but for a factor
/// max(1, u^2/2) from the rounding of the exponent.
template <class T>
struct Normal {
  T below, density;
};
template <Real T>
LONGTAIL_INLINE Normal<T> normal(T u) {
  using S = scalar_t<T>;
  const T x = abs(u) * S(0x1.6a09e667f3bcdp-1);  // |u| / sqrt(2)
  const T bell = exp(T(u * u * S(-0.5)));
  const T t = (x - S(3)) / (x + S(3));
  T scaled;
  if constexpr (sizeof(S) == 8) {
    scaled = horner(t, 0x1.40c522d7e4986p-1, -0x1.15c084bb9e844p-4, -0x1.85a15c58a87e8p-6,
                    0x1.098366a5b0908p-4, -0x1.e88b803a72aeap-5, 0x1.17ca2878bd801p-5,
                    -0x1.8574c4007bb1p-7, 0x1.4b884d0cb155cp-10, 0x1.ef1bd6e01b41bp-11,
                    -0x1.98db303e0012dp-12, -0x1.b9105140d3c15p-15, 0x1.06581bbee2784p-14,
                    0x1.4bb163c4e77b9p-19, -0x1.510f1568f3c67p-17, -0x1.806244d4d013p-22,
                    0x1.cfacd7274f6d5p-20, 0x1.65e92313af5e8p-23, -0x1.40564d113d139p-22,
                    -0x1.fafc74b4b9465p-25, 0x1.79025d158d65bp-25, 0x1.cc5728120ff93p-27,
                    -0x1.0759f38d843fep-28, -0x1.9b21e1dbd7f46p-30);
  } else {
    scaled = horner(t, 0x1.40c522p-1f, -0x1.15c00ep-4f, -0x1.85a0b2p-6f, 0x1.0979fcp-4f,
                    -0x1.e88e64p-5f, 0x1.1835f2p-5f, -0x1.854ce2p-7f, 0x1.2b7752p-10f,
                    0x1.eaeb22p-11f, -0x1.0cf904p-12f, -0x1.80edf2p-15f);
  }
  const T tail = S(0.5) * bell * scaled / (x + S(0.5));
  return {select(u < S(0), tail, S(1) - tail), bell * S(0x1.9884533d43651p-2)};
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
