#pragma once
// K_v(x) for x > 1 by the trapezoidal rule, whose error falls as exp(-const/step) here.
//
//   K_v(x) = e^-phi G,   G = 1/2 int exp(-w (cosh s - 1) - v (sinh s - s)) ds        (DLMF 10.32.9)
//
// with the integration variable counted from the peak t = asinh(v/x) of exp(v t - x cosh t). The
// nodes are then the same for all v and x, and their cosh and sinh are constants. Left of the peak
// the exponent is regrouped as (w - v)(cosh s - 1) + v (e^-s - 1 + s), a sum of positive terms.
// Trefethen and Weideman, SIAM Review 56 (2014), explain the convergence.

#include "core/jet.h"
#include "bessel/power_series.h"
#include "bessel/quadrature_nodes.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

/// A sum of positive terms; of plain values, with the roundings of the additions kept.
template <class J>
struct Accumulator {
  J sum;
  plain_t<J> low = plain_t<J>(0.0);

  LONGTAIL_INLINE void add(const J& term) {
    if constexpr (kIsJet<J>) {
      sum = sum + term;
    } else {
      const Pair<J> exact = quick_two_sum(sum, term);
      sum = exact.hi;
      low = low + exact.lo;
    }
  }
  LONGTAIL_INLINE J total() const {
    if constexpr (kIsJet<J>) return sum;
    if constexpr (!kIsJet<J>) return sum + low;
  }
};

template <class J>
struct Integral {
  J g;      // G
  J slope;  // mean of cosh s - 1: K_{v+1}/K_v = (v + w + slope x^2/w)/x
};

/// Slope = false leaves the slope out (and its field is meaningless).
template <int Tier, bool Slope, class J>
LONGTAIL_INLINE Integral<J> peak_integral(const J& v, const J& x, const J& w) {
  using T = plain_t<J>;
  using Grid = QuadratureGrid<Tier>;
  const J gap = x * x / (w + v);  // w - v
  Accumulator<J> sum{J(T(1.0))}, rise{J(T(0.0))};
  const auto side = [&](const J& steep, int count, auto node_at) {
    mask_t<T> done = mask_t<T>(false);
    for (int j = 1; j <= count; ++j) {
      const QuadratureNode<scalar_t<T>> node = node_at(j);
      const J weight = exp(-(steep * T(node.rise) + v * T(node.skew)));
      [[maybe_unused]] const J part = weight * T(node.rise);  // Slope only
      mask_t<T> negligible = settled(weight, sum.sum);
      if constexpr (Slope) negligible = negligible & settled(part, rise.sum);
      done = done | negligible;
      if (all(done)) break;
      sum.add(select(done, J(T(0.0)), weight));
      if constexpr (Slope) rise.add(select(done, J(T(0.0)), part));
    }
  };
  side(w, Grid::right_count, [](int j) { return Grid::template right<scalar_t<T>>(j); });
  side(gap, Grid::left_count, [](int j) { return Grid::template left<scalar_t<T>>(j); });
  return {sum.total() * T(0.5 * Grid::step), rise.total() / sum.total()};
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
