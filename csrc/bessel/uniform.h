#pragma once
// The factor U beside e^phi and e^-phi, by the Debye series or by a fitted tile.

#include "bessel/debye.h"
#include "bessel/methods.h"
#include "bessel/uniform_tiles.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// U_I with I = e^phi U_I / sqrt(2 pi w); r = 1/w.
template <Method M, class J>
LONGTAIL_INLINE J uniform_factor_i(const J& v, const J& r) {
  const J t = v * r;
  if constexpr (is_tile(M)) {
    return UniformTile<'i', tile_index(M)>::factor(r, M == Method::tile_0 ? t * t : t);
  } else {
    return debye_sum<debye_terms(M)>(t * t, r);
  }
}

/// U_K with K = e^-phi U_K sqrt(pi / (2 w)).
template <Method M, class J>
LONGTAIL_INLINE J uniform_factor_k(const J& v, const J& x, const J& r) {
  const J t = v * r;
  if constexpr (is_tile(M)) {
    return UniformTile<'k', tile_index(M)>::factor(r, M == Method::tile_0 ? t * t : x * r);
  } else {
    return debye_sum<debye_terms(M)>(t * t, -r);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
