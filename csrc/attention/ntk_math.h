#pragma once
// Attention over keys and over a prefix that is known by two sums only ("Toward Infinite-Long
// Prefix in Transformer", Liang et al. 2024, algorithm 2), as formulas shared by CPU and CUDA.
//
//   S = scale q k^T,  phi(x) = elu(x / d^(1/4)) + 1,  t = phi(q) Z,  p = phi(q) |kappa|
//   O = (sum_j e^S_j v_j + t) / (sum_j e^S_j + p)
//
// With L = log(sum_j e^S_j + p) this is O = sum_j e^(S_j - L) v_j + e^-L t: no maximum is divided
// by, so scores of any size neither overflow nor lose the prefix. |kappa|, as the paper's code has
// it, keeps the denominator positive whatever training does to kappa.
//
//   dS_j = e^(S_j - L) (g.v_j - g.O),  dt = e^-L g,  dp = -e^-L g.O

#include "core/exp.h"
#include "core/log.h"
#include "core/simd.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// elu(x) + 1 and its slope.
template <Real T>
LONGTAIL_INLINE T feature(T x) {
  using S = scalar_t<T>;
  return select(x > S(0), x + S(1), exp(select(x > S(0), T(S(0)), x)));
}
template <Real T>
LONGTAIL_INLINE T feature_slope(T x) {
  using S = scalar_t<T>;
  return select(x > S(0), T(S(1)), exp(select(x > S(0), T(S(0)), x)));
}

/// How a row's attention and its prefix are joined. `half` is e^(-L/2): e^-L itself may leave the
/// range of float where its product with t does not.
template <class S>
struct Join {
  double lse;
  S attention;  // factor of the attention's own mean
  S half;
};

/// Of log(sum_j e^S_j) and log p, each of which may be -inf. Where both are, nothing is attended
/// to and the output is 0.
template <class S>
LONGTAIL_INLINE Join<S> join(double attention, double prefix) {
  if (is_nan(attention) || is_nan(prefix)) return {kNan<double>, kNan<S>, kNan<S>};
  const double high = attention > prefix ? attention : prefix;
  const double low = attention > prefix ? prefix : attention;
  if (!(high > -Format<double>::infinity)) return {high, S(0), S(0)};
  const double ratio = exp(low - high);
  const double lse = high + log1p(ratio);
  const double share = (attention > prefix ? 1.0 : ratio) / (1.0 + ratio);
  const double limit = sizeof(S) == 8 ? 708.0 : 88.0;
  return {lse, static_cast<S>(share), static_cast<S>(exp(min(-0.5 * lse, limit)))};
}

/// log of a sum of positive terms; nan stays.
LONGTAIL_INLINE double log_of(double sum) {
  return sum == 0 ? -Format<double>::infinity : log(sum);
}

/// e^(-L/2) for the gradients of the prefix, which grow without bound for L to -inf and stop here
/// at a weight e^-L of e^60 (e^600 in double), so that sums over rows stay finite.
template <class S>
LONGTAIL_INLINE S half_weight(double lse) {
  if (!(lse > -Format<double>::infinity)) return S(0);
  return static_cast<S>(exp(min(-0.5 * lse, sizeof(S) == 8 ? 300.0 : 30.0)));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
