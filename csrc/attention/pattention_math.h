#pragma once
// Attention over parameter tokens (TokenFormer, Wang et al. 2024, equations 5 and 6), as formulas
// shared by CPU and CUDA. For a row x, with n keys K and values V:
//
//   s = K x,  u = tau s / |s|_2,  theta = gelu(u) = u Phi(u) (the exact one),  o = V^T theta
//
// and, for a gradient g of o, h = V g:
//
//   w = h gelu'(u),  ds = tau / |s| (w - u (u.w) / tau^2),  gelu'(u) = Phi(u) + u Phi'(u)
//
// The scores are divided by the largest before they are squared, so that no row is too large or too
// small. A row whose largest score is no normal number, such as that of x = 0, has no direction:
// its output and its gradients are 0. (s / |s| has no limit there; a small number added to |s|
// would make gradients of its inverse.)

#include "core/normal.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// gelu and its slope.
template <class T>
struct Gelu {
  T value, slope;
};
template <Real T>
LONGTAIL_INLINE Gelu<T> gelu(T u) {
  const Normal<T> at = normal(u);
  return {u * at.below, fma(u, at.density, at.below)};
}

/// How a row of scores becomes u = (s * first) * second, both 0 for a row without a direction.
/// `inverse` is 1 / |s|, or infinity where that is no number of S.
template <class S>
struct RowNorm {
  S first, second, inverse;
};

/// Of the largest score, in absolute value, and the sum of the squares of s / largest.
template <class S>
LONGTAIL_INLINE bool has_direction(S largest) {
  return !(largest < Format<S>::smallest_normal * S(4));  // so that 1 / largest is finite
}
template <class S>
LONGTAIL_INLINE RowNorm<S> row_norm(S largest, S squares, S tau) {
  if (!has_direction(largest)) return {S(0), S(0), S(0)};
  const S first = S(1) / largest, root = S(1) / sqrt(squares);
  return {first, tau * root, first * root};
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
