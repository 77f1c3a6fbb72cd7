#pragma once
// What conjugate gradients in float64 do to rows around a cycle in numbers of type C, compiled per
// CPU level. Rows of different arrays do not overlap.

#include <cstdint>

#include "core/cpu_level.h"
#include "core/precisions.h"

namespace longtail::multigrid {

template <class C>
struct ConjugateRows {
  /// to = unit r.
  void (*scale)(std::int64_t n, double unit, const double* r, C* to);

  /// The sum of z r.
  double (*dot)(std::int64_t n, const C* z, const double* r);

  /// x += step p, and then p = back z + beta p.
  void (*turn)(std::int64_t n, double step, double* x, double back, const C* z, double beta,
               double* p);

  /// r -= alpha q; returns the sum of r r.
  double (*reduce)(std::int64_t n, double alpha, const double* q, double* r);
};

LONGTAIL_DECLARE_PER_LEVEL(BothPrecisions<ConjugateRows>, kConjugateRows)

}  // namespace longtail::multigrid
