// Black-box coarsening of side_by_side_level.h: shares of coarse points in fine ones, which are the
// interpolation P, and the next operator P^T A P. As black_box.cpp, in float32.
#include "multigrid/black_box_math.h"
#include "multigrid/side_by_side_level.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace side_by_side {
namespace {

LONGTAIL_INLINE T absolute(T a) { return select(a < T(0.0f), T(0.0f) - a, a); }

/// One over what shares are divided by, or 0.
LONGTAIL_INLINE T share_scale(T middle, T around, T size, int between, int others) {
  const T divisor = share_divisor(middle, around, size, T(part_across<float>(between, others)));
  return select(divisor == T(0.0f), T(0.0f), T(1.0f) / divisor);
}

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

}  // namespace

template <bool Nine>
void coarsen(const Level& fine, const Level& coarse) {
  find_shares<Nine>(fine, coarse);
  make_coarse<Nine>(fine, coarse);
}
template void coarsen<false>(const Level& fine, const Level& coarse);
template void coarsen<true>(const Level& fine, const Level& coarse);

}  // namespace side_by_side
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
