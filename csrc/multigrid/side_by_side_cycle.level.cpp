// The V-cycle of side_by_side_level.h, from u = 0; symmetric.
#include "multigrid/side_by_side_level.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace side_by_side {
namespace {

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

}  // namespace

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

}  // namespace side_by_side
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
