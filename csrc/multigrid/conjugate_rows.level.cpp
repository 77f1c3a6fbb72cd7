// The rows of conjugate_rows.h: loops that compilers make vectors of by themselves.
#include "core/simd.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid

#include "multigrid/conjugate_rows.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

/// Sums of as many strands as fill the pipelines of every level: of one order at all of them.
constexpr int kStrands = 32;

double total(const double* strands) {
  double sum = 0;
  for (int i = 0; i < kStrands; ++i) sum += strands[i];
  return sum;
}

template <class C>
void scale(std::int64_t n, double unit, const double* __restrict r, C* __restrict to) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<C>(r[i] * unit);
}

template <class C>
double dot(std::int64_t n, const C* __restrict z, const double* __restrict r) {
  double strands[kStrands] = {};
  std::int64_t x = 0;
  for (; x + kStrands <= n; x += kStrands) {
    for (int i = 0; i < kStrands; ++i) strands[i] += static_cast<double>(z[x + i]) * r[x + i];
  }
  for (int i = 0; x + i < n; ++i) strands[i] += static_cast<double>(z[x + i]) * r[x + i];
  return total(strands);
}

template <class C>
void turn(std::int64_t n, double step, double* __restrict x, double back, const C* __restrict z,
          double beta, double* __restrict p) {
  for (std::int64_t i = 0; i < n; ++i) {
    x[i] += step * p[i];
    p[i] = back * static_cast<double>(z[i]) + beta * p[i];
  }
}

double reduce(std::int64_t n, double alpha, const double* __restrict q, double* __restrict r) {
  double strands[kStrands] = {};
  std::int64_t x = 0;
  for (; x + kStrands <= n; x += kStrands) {
    for (int i = 0; i < kStrands; ++i) {
      r[x + i] -= alpha * q[x + i];
      strands[i] += r[x + i] * r[x + i];
    }
  }
  for (int i = 0; x + i < n; ++i) {
    r[x + i] -= alpha * q[x + i];
    strands[i] += r[x + i] * r[x + i];
  }
  return total(strands);
}

template <class C>
constexpr ConjugateRows<C> rows_of() {
  return {scale<C>, dot<C>, turn<C>, reduce};
}

}  // namespace

extern const BothPrecisions<ConjugateRows> kConjugateRows;
const BothPrecisions<ConjugateRows> kConjugateRows = {rows_of<double>(), rows_of<float>()};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
