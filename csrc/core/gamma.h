#pragma once
// log Gamma and its derivatives on x > 0, for scalars, vectors and CUDA.

#include "gamma_remainder.h"
#include "log.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// delta(v) = lgamma(v + 1) - ((v + 1/2) log v - v + log(2 pi)/2) for v >= 8: what Stirling's
/// formula leaves, 1/(12 v) - 1/(360 v^3) + ... (DLMF 5.11.1). T may be a jet. Error:
/// contract::stirling_correction.
template <class T>
LONGTAIL_INLINE T stirling_correction(T v) {
  const T inverse = Constant<T>(1) / v;
  const T t = inverse * inverse;
  if constexpr (kSingle<T>) {
    return inverse * horner(t, 0x1.555556p-4f, -0x1.6c141cp-9f, 0x1.98f96cp-11f);
  } else {
    return inverse * horner(t, 0x1.5555555555555p-4, -0x1.6c16c16c14adfp-9, 0x1.a01a017e7eefcp-11,
                            -0x1.38134e0c50b42p-11, 0x1.b92c8f6aa7b89p-11, -0x1.ef97a466c413dp-10,
                            0x1.4c3634d17fd07p-8);
  }
}

/// log Gamma(x), x > 0; inf at 0 and inf, nan below 0. Error: contract::lgamma.
///
/// For x >= 1: w (log w - 1) + log(2 pi)/2 + R with w = x - 1/2 (gamma_remainder.h); below,
/// lgamma(x + 1) - log x. No region needs a cancellation larger than its own result or 1.
template <Real T>
LONGTAIL_HOST_DEVICE inline T lgamma(T x) {
  using S = scalar_t<T>;
  const mask_t<T> small = x < S(1);
  const T w = x + select(small, T(S(0.5)), S(-0.5));
  const Pair<T> log_w = log_pair(w);
  const Pair<T> factor = two_sum(T(log_w.hi - S(1)), log_w.lo);
  T y = fma(w, factor.hi, T(S(0x1.d67f1c864beb5p-1)));
  y = y + fma(w, factor.lo, gamma_remainder(T(w - S(0.5))));  // w - 1/2 is v
  if (any(small)) y = y - select(small, log(x), S(0));
  return select(x < kInfinity<T>, y, x);
}

/// digamma(x) = d/dx log Gamma(x), x > 0; -inf at 0, inf at inf, nan below 0. Error:
/// contract::digamma.
/// log w + R'(v) as in lgamma; below 1 by digamma(x) = digamma(x + 1) - 1/x (DLMF 5.5.2).
template <Real T>
LONGTAIL_HOST_DEVICE inline T digamma(T x) {
  using S = scalar_t<T>;
  const mask_t<T> small = x < S(1);
  const T w = x + select(small, T(S(0.5)), S(-0.5));
  const T y = log(w) + gamma_remainder_slope(T(w - S(0.5))) - select(small, S(1) / x, S(0));
  return select(x >= S(0), y, kNan<T>);
}

/// trigamma(x) = d^2/dx^2 log Gamma(x), x > 0; inf at 0, 0 at inf, nan below 0. Error:
/// contract::trigamma.
/// 1/w + R''(v) as in lgamma; below 1 by trigamma(x) = trigamma(x + 1) + 1/x^2.
template <Real T>
LONGTAIL_HOST_DEVICE inline T trigamma(T x) {
  using S = scalar_t<T>;
  const mask_t<T> small = x < S(1);
  const T w = x + select(small, T(S(0.5)), S(-0.5));
  const T reciprocal = S(1) / x;
  const T shift = select(small, reciprocal * reciprocal, S(0));
  const T y = S(1) / w + gamma_remainder_curvature(T(w - S(0.5))) + shift;
  return select(x >= S(0), y, kNan<T>);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
