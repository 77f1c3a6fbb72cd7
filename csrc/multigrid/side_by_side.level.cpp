// The solver of side_by_side.h, compiled once per CPU level.
//
// Grids have a ring of ghosts, 0; [rows + 2][columns + 2] vectors. Coarse point (j, i), counted
// with ghosts, is fine point (2 j, 2 i).
#include "multigrid/stencil_math.h"

// After what opens the level's namespace.
#include "multigrid/coarsening.h"
#include "multigrid/side_by_side.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

using Index = std::int64_t;
using T = native<float>;
using D = native<double>;
constexpr int kProblems = kLanes<T>;
constexpr int kParts = kProblems / kLanes<D>;  // vectors of doubles that belong to one of floats

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
constexpr int kMostLevels = 32;

struct Hierarchy {
  Level level[kMostLevels];
  int count;
  T* inverse;
  T *p, *q, *d, *residuals;
  D *x, *west, *north;  // the iterate and faces, of each point kParts vectors
};

/// Reads beyond a grid by up to a row and three points, of which nothing is kept.
constexpr Index kSlack = 8;

class Places {
 public:
  explicit Places(char* base) : base_(base) {}
  template <class V>
  V* take(Index count) {
    V* const here = reinterpret_cast<V*>(base_ + size_);
    size_ += count * static_cast<Index>(sizeof(V));
    size_ = (size_ + 63) / 64 * 64;
    return here;
  }
  Index size() const { return size_; }

 private:
  char* base_;
  Index size_ = 0;
};

Hierarchy arranged(Index rows, Index columns, Places& places) {
  Hierarchy h{};
  for (;;) {
    Level& level = h.level[h.count++];
    level.rows = rows;
    level.columns = columns;
    level.stride = columns + 2;
    const Index k = entries(h.count > 1);
    level.a = places.take<T>(k * (level.size() + level.stride + kSlack));
    level.u = places.take<T>(level.size());
    level.f = places.take<T>(level.size());
    if (rows * columns <= kFewPoints) break;
    rows /= 2;
    columns /= 2;
    level.shares = places.take<T>(9 * (rows + 2) * (columns + 2));
  }
  h.inverse = places.take<T>(rows * columns * rows * columns);
  const Level& finest = h.level[0];
  h.p = places.take<T>(finest.size());
  h.q = places.take<T>(finest.size());
  h.d = places.take<T>(finest.size());
  h.residuals = places.take<T>(3 * finest.stride);
  h.x = places.take<D>(kParts * finest.size());
  h.west = places.take<D>(kParts * (finest.size() + finest.stride));
  h.north = places.take<D>(kParts * (finest.size() + finest.stride));
  return h;
}

// ---- Setup.

void read_coefficients(const SideBySide& problems, Index first, const Hierarchy& h) {
  const Level& level = h.level[0];
  const Index rows = level.rows, columns = level.columns, points = rows * columns;
  // x holds the coefficient until faces are made. Lanes without a problem repeat the last.
  for (Index y = 0; y < rows; ++y) {
    for (int l = 0; l < kProblems; ++l) {
      const Index problem = first + l < problems.batch ? first + l : problems.batch - 1;
      const double* const row = problems.a + problem * points + y * columns;
      double* const to = reinterpret_cast<double*>(h.x) + level.at(y + 1, 1) * kProblems + l;
      for (Index x = 0; x < columns; ++x) to[x * kProblems] = row[x];
    }
  }
  const double scale[2] = {1 / (problems.column_spacing * problems.column_spacing),
                           1 / (problems.row_spacing * problems.row_spacing)};
  const auto faces = [&](D* to, Index y, Index x, Index step, bool inside, bool last, double over) {
    const Index at = level.at(y, x);
    for (int part = 0; part < kParts; ++part) {
      const D here = h.x[(last ? at - step : at) * kParts + part];
      const D before = h.x[(last ? at : at - step) * kParts + part];
      to[at * kParts + part] =
          inside ? D(2.0 * over) * here * before / (here + before) : D(2.0 * over) * here;
    }
  };
  for (Index y = 1; y <= rows; ++y) {
    for (Index x = 1; x <= columns + 1; ++x) {
      faces(h.west, y, x, 1, x > 1 && x <= columns, x > columns, scale[0]);
    }
  }
  for (Index y = 1; y <= rows + 1; ++y) {
    for (Index x = 1; x <= columns; ++x) {
      faces(h.north, y, x, level.stride, y > 1 && y <= rows, y > rows, scale[1]);
    }
  }
  const Index k = entries(false);
  for (Index y = 1; y <= rows; ++y) {
    for (Index x = 1; x <= columns; ++x) {
      const Index at = level.at(y, x);
      T* const to = level.a + at * k;
      for (int part = 0; part < kParts; ++part) {
        const D west = h.west[at * kParts + part], east = h.west[(at + 1) * kParts + part];
        const D north = h.north[at * kParts + part];
        const D south = h.north[(at + level.stride) * kParts + part];
        narrow(x > 1 ? west : D(0.0), to + kWest, part);
        narrow(y > 1 ? north : D(0.0), to + kNorth, part);
        narrow(west + east + north + south, to + kCentre, part);
      }
      to[kReciprocal] = T(1.0f) / to[kCentre];
    }
  }
  for (Index i = 0; i < kParts * level.size(); ++i) h.x[i] = D(0.0);
  for (Index i = 0; i < level.size(); ++i) h.p[i] = T(0.0f);
}

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

/// One over what shares are divided by: the middle of a collapsed row without what leaves through
/// sides across it, unless entries of both signs would leave little of it. As black_box_shares.cpp.
LONGTAIL_INLINE T share_scale(T middle, T around, T size, int between, int others) {
  const int ends = between + others;
  const float without = ends == 0 ? 1.0f : static_cast<float>(others) / static_cast<float>(ends);
  const T lighter = middle - T(without) * (middle + around);
  const T chosen = select(lighter < T(0.5f) * size, middle, lighter);
  return select(chosen == T(0.0f), T(0.0f), T(1.0f) / chosen);
}
LONGTAIL_INLINE T absolute(T a) { return select(a < T(0.0f), T(0.0f) - a, a); }

template <bool Nine>
void find_shares(const Level& fine, const Level& coarse) {
  const auto end = [](Index at, Index size) { return at == 1 || at == size ? 1 : 0; };
  const auto share = [&](Index j, Index i, int direction) -> T& {
    return fine.shares[coarse.at(j, i) * 9 + direction];
  };
  const auto known = [&](Index j, Index i) {
    return j >= 1 && j <= coarse.rows && i >= 1 && i <= coarse.columns;
  };
  T row[9];
  for (Index j = 1; j <= coarse.rows; ++j) {
    for (Index i = 1; i <= coarse.columns; ++i) share(j, i, 4) = T(1.0f);
  }
  // Between two coarse points of a row, then of a column.
  for (Index y = 2; y <= 2 * coarse.rows; y += 2) {
    for (Index x = 1; x <= fine.columns; x += 2) {
      row_of<Nine>(fine, fine.at(y, x), row);
      const T middle = row[1] + row[4] + row[7];
      const T before = row[0] + row[3] + row[6], behind = row[2] + row[5] + row[8];
      const T scale = share_scale(middle, before + behind, absolute(before) + absolute(behind),
                                  end(x, fine.columns), end(y, fine.rows));
      if (known(y / 2, x / 2)) share(y / 2, x / 2, 5) = T(0.0f) - before * scale;
      if (known(y / 2, x / 2 + 1)) share(y / 2, x / 2 + 1, 3) = T(0.0f) - behind * scale;
    }
  }
  for (Index y = 1; y <= fine.rows; y += 2) {
    for (Index x = 2; x <= 2 * coarse.columns; x += 2) {
      row_of<Nine>(fine, fine.at(y, x), row);
      const T middle = row[3] + row[4] + row[5];
      const T before = row[0] + row[1] + row[2], behind = row[6] + row[7] + row[8];
      const T scale = share_scale(middle, before + behind, absolute(before) + absolute(behind),
                                  end(y, fine.rows), end(x, fine.columns));
      if (known(y / 2, x / 2)) share(y / 2, x / 2, 7) = T(0.0f) - before * scale;
      if (known(y / 2 + 1, x / 2)) share(y / 2 + 1, x / 2, 1) = T(0.0f) - behind * scale;
    }
  }
  // Between four: through those between two.
  for (Index y = 1; y <= fine.rows; y += 2) {
    for (Index x = 1; x <= fine.columns; x += 2) {
      row_of<Nine>(fine, fine.at(y, x), row);
      T around = T(0.0f), size = T(0.0f);
      for (int k = 0; k < 9; ++k) {
        if (k == 4) continue;
        around = around + row[k];
        size = size + absolute(row[k]);
      }
      const T scale =
          share_scale(row[4], around, size, end(y, fine.rows) + end(x, fine.columns), 0);
      for (int down = 0; down < 2; ++down) {
        for (int right = 0; right < 2; ++right) {
          const Index j = y / 2 + down, i = x / 2 + right;
          if (!known(j, i)) continue;
          const T along = row[down ? 7 : 1] * share(j, i, right ? 3 : 5);
          const T across = row[right ? 5 : 3] * share(j, i, down ? 1 : 7);
          const T sum = row[6 * down + 2 * right] + along + across;
          share(j, i, (down ? 0 : 6) + (right ? 0 : 2)) = T(0.0f) - sum * scale;
        }
      }
    }
  }
}

/// P^T A P.
template <bool Nine>
void make_coarse(const Level& fine, const Level& coarse) {
  constexpr Index k = entries(true);
  for (Index j = 1; j <= coarse.rows; ++j) {
    for (Index i = 1; i <= coarse.columns; ++i) {
      const T* const own = fine.shares + coarse.at(j, i) * 9;
      // A times the shares of this point, around it as far as a neighbour before it reaches.
      T moved[4][5];
      for (int dy = -2; dy <= 1; ++dy) {
        for (int dx = -2; dx <= 2; ++dx) {
          if (dy >= 0 && dx == 2) continue;
          T row[9];
          row_of<Nine>(fine, fine.at(2 * j + dy, 2 * i + dx), row);
          T sum = T(0.0f);
          for (int sy = -1; sy <= 1; ++sy) {
            for (int sx = -1; sx <= 1; ++sx) {
              const int y = dy + sy, x = dx + sx;
              if (y < -1 || y > 1 || x < -1 || x > 1) continue;
              if (!Nine && sy != 0 && sx != 0) continue;
              sum = fma(row[3 * sy + sx + 4], own[3 * y + x + 4], sum);
            }
          }
          moved[dy + 2][dx + 2] = sum;
        }
      }
      const auto against = [&](int down, int right) {  // the shares of a neighbour
        const T* const theirs = fine.shares + coarse.at(j + down, i + right) * 9;
        T sum = T(0.0f);
        for (int dy = -1; dy <= 1; ++dy) {
          for (int dx = -1; dx <= 1; ++dx) {
            const int y = 2 * down + dy, x = 2 * right + dx;
            if (y < -2 || y > 1 || x < -2 || x > 2 || (y >= 0 && x == 2)) continue;
            sum = fma(moved[y + 2][x + 2], theirs[3 * dy + dx + 4], sum);
          }
        }
        return sum;
      };
      T* const to = coarse.a + coarse.at(j, i) * k;
      to[kWest] = -against(0, -1);
      to[kNorth] = -against(-1, 0);
      to[kNorthWest] = -against(-1, -1);
      to[kNorthEast] = -against(-1, 1);
      const T centre = against(0, 0);
      to[kCentre] = centre;
      to[kReciprocal] = T(1.0f) / centre;
    }
  }
}

/// Gauss-Jordan; the matrix is positive.
void invert(const Level& level, bool nine, T* inverse) {
  const Index n = level.rows * level.columns;
  for (Index i = 0; i < n * n; ++i) inverse[i] = T(0.0f);
  for (Index i = 0; i < n; ++i) {
    const Index y = i / level.columns, x = i % level.columns;
    T row[9];
    const Index at = level.at(y + 1, x + 1);
    if (nine) {
      row_of<true>(level, at, row);
    } else {
      row_of<false>(level, at, row);
    }
    for (int k = 0; k < 9; ++k) {
      const Index to_y = y + k / 3 - 1, to_x = x + k % 3 - 1;
      if (to_y < 0 || to_y >= level.rows || to_x < 0 || to_x >= level.columns) continue;
      inverse[i * n + to_y * level.columns + to_x] = row[k];
    }
  }
  for (Index pivot = 0; pivot < n; ++pivot) {
    T* const of_pivot = inverse + pivot * n;
    const T scale = T(1.0f) / of_pivot[pivot];
    of_pivot[pivot] = T(1.0f);
    for (Index c = 0; c < n; ++c) of_pivot[c] = of_pivot[c] * scale;
    for (Index r = 0; r < n; ++r) {
      if (r == pivot) continue;
      T* const row = inverse + r * n;
      const T factor = -row[pivot];
      row[pivot] = T(0.0f);
      for (Index c = 0; c < n; ++c) row[c] = fma(factor, of_pivot[c], row[c]);
    }
  }
}

void set_up(const SideBySide& problems, Index first, const Hierarchy& h) {
  read_coefficients(problems, first, h);
  for (int l = 0; l + 1 < h.count; ++l) {
    if (l == 0) {
      find_shares<false>(h.level[l], h.level[l + 1]);
      make_coarse<false>(h.level[l], h.level[l + 1]);
    } else {
      find_shares<true>(h.level[l], h.level[l + 1]);
      make_coarse<true>(h.level[l], h.level[l + 1]);
    }
  }
  invert(h.level[h.count - 1], h.count > 1, h.inverse);
}

// ---- The cycle, from u = 0; symmetric.

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

/// Gauss-Seidel of every other point of a row from `first` on.
template <bool Nine>
LONGTAIL_INLINE void relax_row(const Level& level, const T* f, T* u, Index y, Index first) {
  constexpr Index k = entries(Nine);
  for (Index x = first; x <= level.columns; x += 2) {
    const Index at = level.at(y, x);
    const T* const a = level.a + at * k;
    u[at] = around<Nine>(a, u + at, level.stride, f[at]) * a[kReciprocal];
  }
}

/// The sum of the shares of four coarse points in the fine one (y, x) between them.
LONGTAIL_INLINE T of_four(const Level& coarse, const T* shares, const T* e, Index y, Index x) {
  const Index at = coarse.at(y / 2, x / 2);
  T sum = shares[at * 9 + 8] * e[at];
  sum = fma(shares[(at + 1) * 9 + 6], e[at + 1], sum);
  sum = fma(shares[(at + coarse.stride) * 9 + 2], e[at + coarse.stride], sum);
  return fma(shares[(at + coarse.stride + 1) * 9], e[at + coarse.stride + 1], sum);
}

// Of the finest, a cross in two colours: points whose y + x is even, among which are those of the
// next level, before the others. Where the others have been relaxed last their residual is 0; where
// they are relaxed first their value does not matter.

void finest_down(const Level& level, const Level& coarse, const T* f, T* u, T* residuals) {
  const Index rows = level.rows, columns = level.columns, stride = level.stride;
  constexpr Index k = entries(false);
  const auto restrict_row = [&](Index j) {
    const T* const above = residuals + (2 * j - 1) % 3 * stride;
    const T* const here = residuals + 2 * j % 3 * stride;
    const T* const below = residuals + (2 * j + 1) % 3 * stride;
    for (Index i = 1; i <= coarse.columns; ++i) {
      const Index at = coarse.at(j, i);
      const T* const share = level.shares + at * 9;
      T sum = fma(share[0], above[2 * i - 1], here[2 * i]);
      sum = fma(share[2], above[2 * i + 1], sum);
      sum = fma(share[6], below[2 * i - 1], sum);
      coarse.f[at] = fma(share[8], below[2 * i + 1], sum);
    }
  };
  for (Index i = 0; i < 3 * stride; ++i) residuals[i] = T(0.0f);
  for (Index step = 1; step <= rows + 2; ++step) {
    if (step <= rows) {
      const Index y = step;
      for (Index x = 2 - y % 2; x <= columns; x += 2) {
        const Index at = level.at(y, x);
        u[at] = f[at] * level.a[at * k + kReciprocal];
      }
    }
    if (step >= 2 && step <= rows + 1) {
      const Index y = step - 1;
      relax_row<false>(level, f, u, y, 1 + y % 2);
    }
    if (step >= 3) {
      const Index y = step - 2;
      T* const to = residuals + y % 3 * stride;
      for (Index x = 2 - y % 2; x <= columns; x += 2) {
        const Index at = level.at(y, x);
        const T* const a = level.a + at * k;
        // Of u = f / diagonal the rest is what neighbours add.
        to[x] = around<false>(a, u + at, stride, T(0.0f));
      }
      if (y % 2 == 1 && y >= 3) restrict_row((y - 1) / 2);
    }
  }
  if (rows % 2 == 0) {
    T* const beyond = residuals + (rows + 1) % 3 * stride;
    for (Index x = 0; x < stride; ++x) beyond[x] = T(0.0f);
    restrict_row(rows / 2);
  }
}

/// Returns the sum of u f.
T finest_up(const Level& level, const Level& coarse, const T* f, T* u) {
  const Index rows = level.rows, columns = level.columns;
  constexpr Index k = entries(false);
  T total = T(0.0f);
  for (Index step = 1; step <= rows + 2; ++step) {
    if (step <= rows) {
      const Index y = step;
      if (y % 2 == 0) {
        const T* const e = coarse.u + coarse.at(y / 2, 0);
        for (Index x = 2; x <= columns; x += 2) {
          const Index at = level.at(y, x);
          u[at] = u[at] + e[x / 2];
        }
      } else {
        for (Index x = 1; x <= columns; x += 2) {
          const Index at = level.at(y, x);
          u[at] = u[at] + of_four(coarse, level.shares, coarse.u, y, x);
        }
      }
    }
    if (step >= 2 && step <= rows + 1) {
      const Index y = step - 1;
      relax_row<false>(level, f, u, y, 1 + y % 2);
    }
    if (step >= 3) {
      const Index y = step - 2;
      T sum = T(0.0f);
      for (Index x = 2 - y % 2; x <= columns; x += 2) {
        const Index at = level.at(y, x);
        const T* const a = level.a + at * k;
        u[at] = around<false>(a, u + at, level.stride, f[at]) * a[kReciprocal];
      }
      for (Index x = 1; x <= columns; ++x) {
        const Index at = level.at(y, x);
        sum = fma(u[at], f[at], sum);
      }
      total = total + sum;
    }
  }
  return total;
}

// Of all others in four colours, by rows and columns being odd or even; points of the next level
// are the last.

LONGTAIL_INLINE void relax_colour(const Level& level, int colour) {
  for (Index y = 1 + colour / 2; y <= level.rows; y += 2) {
    relax_row<true>(level, level.f, level.u, y, 1 + colour % 2);
  }
}

void coarse_down(const Level& level, const Level& next) {
  constexpr Index k = entries(true);
  for (Index i = 0; i < level.size(); ++i) level.u[i] = T(0.0f);
  for (int colour = 0; colour < 4; ++colour) relax_colour(level, colour);
  for (Index j = 1; j <= next.rows; ++j) {
    for (Index i = 1; i <= next.columns; ++i) next.f[next.at(j, i)] = T(0.0f);
  }
  for (Index y = 1; y <= level.rows; ++y) {
    for (Index x = 1; x <= level.columns; ++x) {
      if (y % 2 == 0 && x % 2 == 0) continue;  // relaxed last
      const Index at = level.at(y, x);
      const T* const a = level.a + at * k;
      const T rest =
          fma(-a[kCentre], level.u[at], around<true>(a, level.u + at, level.stride, level.f[at]));
      // To ghosts too, which are 0 again below.
      for (Index j = y / 2; j <= (y + 1) / 2; ++j) {
        for (Index i = x / 2; i <= (x + 1) / 2; ++i) {
          const Index to = next.at(j, i);
          const T share = level.shares[to * 9 + (y - 2 * j + 1) * 3 + x - 2 * i + 1];
          next.f[to] = fma(share, rest, next.f[to]);
        }
      }
    }
  }
}

void coarse_up(const Level& level, const Level& next) {
  const T *const e = next.u, *const shares = level.shares;
  for (Index y = 1; y <= level.rows; ++y) {
    for (Index x = 1; x <= level.columns; ++x) {
      const Index at = level.at(y, x), from = next.at(y / 2, x / 2);
      if (y % 2 == 1 && x % 2 == 1) {
        level.u[at] = level.u[at] + of_four(next, shares, e, y, x);
      } else if (y % 2 == 1) {
        const Index below = from + next.stride;
        level.u[at] =
            fma(shares[below * 9 + 1], e[below], fma(shares[from * 9 + 7], e[from], level.u[at]));
      } else if (x % 2 == 1) {
        level.u[at] = fma(shares[(from + 1) * 9 + 3], e[from + 1],
                          fma(shares[from * 9 + 5], e[from], level.u[at]));
      }
    }
  }
  for (int colour = 3; colour >= 0; --colour) relax_colour(level, colour);
}

void solve_coarsest(const Level& level, const T* inverse, const T* f, T* u) {
  const Index n = level.rows * level.columns;
  for (Index i = 0; i < n; ++i) {
    T sum = T(0.0f);
    for (Index j = 0; j < n; ++j) {
      const Index from = level.at(j / level.columns + 1, j % level.columns + 1);
      sum = fma(inverse[i * n + j], f[from], sum);
    }
    u[level.at(i / level.columns + 1, i % level.columns + 1)] = sum;
  }
}

/// u of the finest level from its f; returns the sum of their products.
T cycle(const Hierarchy& h) {
  const Level& finest = h.level[0];
  const int last = h.count - 1;
  if (last == 0) {
    solve_coarsest(finest, h.inverse, finest.f, finest.u);
    T sum = T(0.0f);
    for (Index i = 0; i < finest.size(); ++i) sum = fma(finest.u[i], finest.f[i], sum);
    return sum;
  }
  finest_down(finest, h.level[1], finest.f, finest.u, h.residuals);
  for (int l = 1; l < last; ++l) coarse_down(h.level[l], h.level[l + 1]);
  solve_coarsest(h.level[last], h.inverse, h.level[last].f, h.level[last].u);
  for (int l = last - 1; l >= 1; --l) coarse_up(h.level[l], h.level[l + 1]);
  return finest_up(finest, h.level[1], finest.f, finest.u);
}

// ---- Conjugate gradients.

/// p = fresh z + beta p, q = A p; returns the sums of p q.
T advance(const Hierarchy& h, T fresh, T beta) {
  const Level& level = h.level[0];
  constexpr Index k = entries(false);
  T total = T(0.0f);
  for (Index y = 0; y <= level.rows; ++y) {
    if (y < level.rows) {
      const Index at = level.at(y + 1, 0);
      for (Index x = at + 1; x <= at + level.columns; ++x) {
        h.p[x] = fma(beta, h.p[x], fresh * level.u[x]);
      }
    }
    if (y == 0) continue;
    T sum = T(0.0f);
    for (Index x = level.at(y, 1); x <= level.at(y, level.columns); ++x) {
      const T* const a = level.a + x * k;
      const T result = fma(a[kCentre], h.p[x], -around<false>(a, h.p + x, level.stride, T(0.0f)));
      h.q[x] = result;
      sum = fma(h.p[x], result, sum);
    }
    total = total + sum;
  }
  return total;
}

/// d += alpha p, r -= alpha q; returns the sums of r r.
T descend(const Hierarchy& h, T alpha) {
  const Level& level = h.level[0];
  T total = T(0.0f);
  for (Index y = 1; y <= level.rows; ++y) {
    T sum = T(0.0f);
    for (Index x = level.at(y, 1); x <= level.at(y, level.columns); ++x) {
      h.d[x] = fma(alpha, h.p[x], h.d[x]);
      const T r = fma(-alpha, h.q[x], level.f[x]);
      level.f[x] = r;
      sum = fma(r, r, sum);
    }
    total = total + sum;
  }
  return total;
}

/// x += d, d = 0, r = f - A x, f in units of `unit`; the sums of r r.
void replace_residual(const Hierarchy& h, const double* f, double unit, D squares[kParts]) {
  const Level& level = h.level[0];
  const Index stride = level.stride;
  for (int part = 0; part < kParts; ++part) squares[part] = D(0.0);
  for (Index y = 0; y <= level.rows; ++y) {
    if (y < level.rows) {
      const Index at = level.at(y + 1, 0);
      for (Index x = at + 1; x <= at + level.columns; ++x) {
        for (int part = 0; part < kParts; ++part) {
          h.x[x * kParts + part] += widened(h.d + x, part);
        }
        h.d[x] = T(0.0f);
      }
    }
    if (y == 0) continue;
    D sums[kParts];
    for (int part = 0; part < kParts; ++part) sums[part] = D(0.0);
    for (Index x = 1; x <= level.columns; ++x) {
      const Index at = level.at(y, x);
      const D right = D(f[(y - 1) * level.columns + x - 1] * unit);
      for (int part = 0; part < kParts; ++part) {
        const Index i = at * kParts + part;
        const D here = h.x[i];
        D rest = fma(h.west[i], h.x[i - kParts] - here, right);
        rest = fma(h.west[i + kParts], h.x[i + kParts] - here, rest);
        rest = fma(h.north[i], h.x[i - stride * kParts] - here, rest);
        rest = fma(h.north[i + stride * kParts], h.x[i + stride * kParts] - here, rest);
        narrow(rest, level.f + at, part);
        sums[part] = fma(rest, rest, sums[part]);
      }
    }
    for (int part = 0; part < kParts; ++part) squares[part] = squares[part] + sums[part];
  }
}

/// Iterations between two replacements of the residual.
constexpr int kRound = 3;

void solve_block(const SideBySide& problems, const Hierarchy& h, double unit, double norm,
                 std::int64_t iterations[kProblems], double residual[kProblems]) {
  D squares[kParts];
  replace_residual(h, problems.f, unit, squares);
  const auto relative = [&](int lane_at) {
    const double square = lane(squares[lane_at / kLanes<D>], lane_at % kLanes<D>);
    return __builtin_sqrt(square) / norm;
  };
  float goal;
  {
    // Of what conjugate gradients say; the true residual may be a little larger.
    const double target = 0.8 * problems.tolerance * norm;
    goal = static_cast<float>(target * target);
  }
  float running[kProblems];
  T beta = T(0.0f), rho = T(0.0f);
  for (int l = 0; l < kProblems; ++l) iterations[l] = 0;
  bool first = true;
  for (int done = 0;; done += kRound) {
    bool any_open = false;
    for (int l = 0; l < kProblems; ++l) {
      residual[l] = relative(l);
      running[l] = residual[l] > problems.tolerance ? 1.0f : 0.0f;
      any_open = any_open || running[l] != 0;
    }
    if (!any_open || done >= problems.most_iterations) return;
    for (int i = 0; i < kRound && any_open; ++i) {
      const T fresh = load<T>(running);
      const mask_t<T> open = fresh != T(0.0f);
      const T product = cycle(h);
      // A cycle that is an inverse leaves rounding errors, which have no memory.
      const T ratio = first || h.count == 1 ? T(0.0f) : product / rho;
      rho = select(open, product, rho);
      beta = select(open, ratio, T(1.0f));
      first = false;
      const T curvature = advance(h, fresh, beta);
      const T alpha = select(open & (curvature > T(0.0f)), rho / curvature, T(0.0f));
      const T rest = descend(h, alpha);
      any_open = false;
      for (int l = 0; l < kProblems; ++l) {
        if (running[l] == 0) continue;
        ++iterations[l];
        if (lane(rest, l) <= goal) running[l] = 0;
        any_open = any_open || running[l] != 0;
      }
    }
    replace_residual(h, problems.f, unit, squares);
  }
}

void solve(const SideBySide& problems, Index first, void* memory) {
  Places places(static_cast<char*>(memory));
  const Hierarchy h = arranged(problems.rows, problems.columns, places);
  const Index points = problems.rows * problems.columns;
  // In units of its largest value f does not leave float32's range.
  double largest = 0;
  for (Index i = 0; i < points; ++i) {
    const double size = __builtin_fabs(problems.f[i]);
    if (!(size <= largest)) largest = size;
  }
  double residual[kProblems] = {};
  std::int64_t iterations[kProblems] = {};
  if (largest != 0) {
    double squares = 0;
    for (Index i = 0; i < points; ++i) {
      const double each = problems.f[i] / largest;
      squares += each * each;
    }
    set_up(problems, first, h);
    solve_block(problems, h, 1 / largest, __builtin_sqrt(squares), iterations, residual);
  }
  const Level& level = h.level[0];
  for (int l = 0; l < kProblems && first + l < problems.batch; ++l) {
    problems.iterations[first + l] = iterations[l];
    problems.residual[first + l] = residual[l];
  }
  for (Index y = 0; y < level.rows; ++y) {
    for (int l = 0; l < kProblems && first + l < problems.batch; ++l) {
      double* const to = problems.u + (first + l) * points + y * level.columns;
      const double* const from =
          reinterpret_cast<const double*>(h.x) + level.at(y + 1, 1) * kProblems + l;
      for (Index x = 0; x < level.columns; ++x) to[x] = largest * from[x * kProblems];
    }
  }
}

std::int64_t memory_for(Index rows, Index columns) {
  Places places(nullptr);
  arranged(rows, columns, places);
  return places.size();
}

}  // namespace

extern const SideBySideKernels kSideBySideKernels;
const SideBySideKernels kSideBySideKernels = {kProblems, memory_for, solve};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
