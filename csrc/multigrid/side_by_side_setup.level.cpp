// The levels of side_by_side_level.h: where their numbers are, the finest operator from
// coefficients, and the inverse of the coarsest.
#include "multigrid/side_by_side_level.h"

// After what opens the level's namespace.
#include "multigrid/coarsening.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace side_by_side {
namespace {

/// Reads beyond a grid by up to a row and three points, of which nothing is kept.
constexpr Index kSlack = 8;

class Places {
 public:
  explicit Places(char* base) : base_(base) {}
  template <class V>
  V* take(Index count) {
    V* const here = base_ == nullptr ? nullptr : reinterpret_cast<V*>(base_ + size_);
    size_ += count * static_cast<Index>(sizeof(V));
    size_ = (size_ + 63) / 64 * 64;
    return here;
  }
  Index size() const { return size_; }

 private:
  char* base_;
  Index size_ = 0;
};

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

/// Gauss-Jordan, each matrix in a lane of its own; they are positive.
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

}  // namespace

Hierarchy arranged(Index rows, Index columns, void* memory) {
  Places places(static_cast<char*>(memory));
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
  h.bytes = places.size();
  return h;
}

void set_up(const SideBySide& problems, Index first, const Hierarchy& h) {
  read_coefficients(problems, first, h);
  for (int l = 0; l + 1 < h.count; ++l) {
    if (l == 0) {
      coarsen<false>(h.level[l], h.level[l + 1]);
    } else {
      coarsen<true>(h.level[l], h.level[l + 1]);
    }
  }
  invert(h.level[h.count - 1], h.count > 1, h.inverse);
}

}  // namespace side_by_side
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
