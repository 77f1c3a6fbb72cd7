#pragma once
// What the parts of side_by_side.h's solver share at every CPU level: the levels of a block of
// problems, and rows of their matrices.
//
// Grids have a ring of ghosts, 0; [rows + 2][columns + 2] vectors. Coarse point (j, i), counted
// with ghosts, is fine point (2 j, 2 i).

#include "core/simd.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid

#include "multigrid/side_by_side.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace side_by_side {

using Index = std::int64_t;
using T = native<float>;
using D = native<double>;
inline constexpr int kProblems = kLanes<T>;
inline constexpr int kParts =
    kProblems / kLanes<D>;  // vectors of doubles that belong to one of floats

/// Doubles and floats of as many lanes.
LONGTAIL_INLINE double wide(float a) { return a; }
LONGTAIL_INLINE float short_of(double a) { return static_cast<float>(a); }
template <int N>
LONGTAIL_INLINE Vec<double, N> wide(Vec<float, N> a) {
  return Vec<double, N>(__builtin_convertvector(a.raw, lanes::raw<double, N>));
}
template <int N>
LONGTAIL_INLINE Vec<float, N> short_of(Vec<double, N> a) {
  return Vec<float, N>(__builtin_convertvector(a.raw, lanes::raw<float, N>));
}
using Part = decltype(short_of(D()));

LONGTAIL_INLINE D widened(const T* from, int part) {
  return wide(load<Part>(reinterpret_cast<const float*>(from) + part * kLanes<D>));
}
LONGTAIL_INLINE void narrow(D value, T* to, int part) {
  store(reinterpret_cast<float*>(to) + part * kLanes<D>, short_of(value));
}

/// Weights of a point: to the one before it along its row, to the one in the row before, the
/// diagonal entry, one over it, to the two diagonal neighbours in the row before.
enum Entry { kWest, kNorth, kCentre, kReciprocal, kNorthWest, kNorthEast };
constexpr Index entries(bool nine) { return nine ? 6 : 4; }

struct Level {
  Index rows, columns, stride;
  T *a, *u, *f;
  T* shares;  // of the next level's points in this one's, [9] each, by (dy + 1) * 3 + dx + 1
  Index at(Index y, Index x) const { return y * stride + x; }
  Index size() const { return (rows + 2) * stride; }
};
inline constexpr int kMostLevels = 32;

struct Hierarchy {
  Level level[kMostLevels];
  int count;
  T* inverse;
  T *p, *q, *d, *residuals;
  D *x, *west, *north;  // the iterate and faces, of each point kParts vectors
  Index bytes;          // of all of it
};

/// Entries of the nine-point row of A at a point, by (dy + 1) * 3 + dx + 1.
template <bool Nine>
LONGTAIL_INLINE void row_of(const Level& level, Index at, T row[9]) {
  constexpr Index k = entries(Nine);
  const T* const a = level.a + at * k;
  const T zero = T(0.0f);
  row[4] = a[kCentre];
  row[3] = -a[kWest];
  row[5] = -a[k + kWest];
  row[1] = -a[kNorth];
  row[7] = -a[level.stride * k + kNorth];
  row[0] = Nine ? -a[kNorthWest] : zero;
  row[8] = Nine ? -a[(level.stride + 1) * k + kNorthWest] : zero;
  row[2] = Nine ? -a[kNorthEast] : zero;
  row[6] = Nine ? -a[(level.stride - 1) * k + kNorthEast] : zero;
}

/// sum + weights times neighbours.
template <bool Nine>
LONGTAIL_INLINE T around(const T* a, const T* u, Index stride, T sum) {
  constexpr Index k = entries(Nine);
  sum = fma(a[kWest], u[-1], sum);
  sum = fma(a[k + kWest], u[1], sum);
  sum = fma(a[kNorth], u[-stride], sum);
  sum = fma(a[stride * k + kNorth], u[stride], sum);
  if constexpr (Nine) {
    sum = fma(a[kNorthWest], u[-stride - 1], sum);
    sum = fma(a[(stride + 1) * k + kNorthWest], u[stride + 1], sum);
    sum = fma(a[kNorthEast], u[1 - stride], sum);
    sum = fma(a[(stride - 1) * k + kNorthEast], u[stride - 1], sum);
  }
  return sum;
}

/// The hierarchy of problems of a size, in h.bytes bytes of memory (null: only to know how many).
Hierarchy arranged(Index rows, Index columns, void* memory);

/// Operators of all levels for problems [first, first + kProblems); p and x become 0.
void set_up(const SideBySide& problems, Index first, const Hierarchy& h);

/// The next level's shares and operator, from this one's.
template <bool Nine>
void coarsen(const Level& fine, const Level& coarse);

/// u of the finest level from its f, by a symmetric cycle from u = 0; the sum of their products.
T cycle(const Hierarchy& h);

}  // namespace side_by_side
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
