// The rows of grid_level.h, compiled once per CPU level.
#include "multigrid/stencil_math.h"

// After what opens the level's namespace.
#include "multigrid/axis.h"
#include "multigrid/grid_level.h"
#include "multigrid/row_transfers.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

/// A row with its neighbours: of a flat grid four of the coefficients are 0 and not looked at.
template <class S>
struct Line {
  std::int64_t plane, row, offset;
  S above_lower, above_upper, row_lower, row_upper;
  const S* reciprocal;
  S diagonal;  // of the two axes across
  bool seam;   // last of an odd number of axes across that have an odd seam
};

template <class S>
LONGTAIL_INLINE Line<S> line_of(const GridView<S>& grid, std::int64_t line) {
  Line<S> it;
  it.plane = grid.flat ? 0 : line / grid.rows.size;
  it.row = line - it.plane * grid.rows.size;
  it.offset = it.plane * grid.plane_stride + it.row * grid.row_stride;
  it.row_lower = grid.rows.lower[it.row];
  it.row_upper = grid.rows.upper[it.row];
  it.above_lower = grid.planes.lower[it.plane];
  it.above_upper = grid.planes.upper[it.plane];
  it.seam = grid.rows.at_seam(it.row) != grid.planes.at_seam(it.plane);
  it.diagonal = grid.rows.diagonal[it.row] + grid.planes.diagonal[it.plane];
  it.reciprocal = grid.reciprocals.rows[grid.planes.kind(it.plane)][grid.rows.kind(it.row)];
  return it;
}

/// The sum of the neighbours of points x ... and f.
template <class T, bool Flat, class S>
LONGTAIL_INLINE T around(const GridView<S>& grid, const Line<S>& line, const S* u, T before,
                         T behind, T f, std::int64_t x) {
  T sum = add_neighbours<T>(
      f, {load<T>(grid.points.lower + x), load<T>(grid.points.upper + x), before, behind});
  sum =
      add_neighbours<T>(sum, {T(line.row_lower), T(line.row_upper),
                              load<T>(u + x - grid.row_stride), load<T>(u + x + grid.row_stride)});
  if constexpr (!Flat) {
    sum = add_neighbours<T>(
        sum, {T(line.above_lower), T(line.above_upper), load<T>(u + x - grid.plane_stride),
              load<T>(u + x + grid.plane_stride)});
  }
  return sum;
}

/// The first point of a colour in a row, 0 or 1.
template <class S>
LONGTAIL_INLINE int first_of(const Line<S>& line, int turn) {
  return static_cast<int>((line.plane + line.row + turn / 2) % 2);
}

template <bool Flat, class S>
LONGTAIL_INLINE void relax_point(const GridView<S>& grid, const Line<S>& line, S* u, const S* f,
                                 std::int64_t x, S omega) {
  const S sum = around<S, Flat>(grid, line, u, u[x - 1], u[x + 1], f[x], x);
  u[x] = relaxed<S>(u[x], sum, line.reciprocal[x], omega);
}

template <bool Flat, class S>
LONGTAIL_INLINE void relax_colour(const GridView<S>& grid, const Line<S>& line, S* u, const S* f,
                                  int first, S omega) {
  using T = native<S>;
  const std::int64_t n = grid.points.size;
  if constexpr (kLanes<T> == 1) {
    for (std::int64_t x = first; x < n; x += 2) relax_point<Flat>(grid, line, u, f, x, omega);
  } else {
    // Whole vectors are stored, of which every other lane is new. What the next vector needs of
    // this one is of the other colour: it is read before the store, which it would else wait for.
    const mask_t<T> chosen = first == 0 ? every_other<T>(0) : every_other<T>(1);
    T before = load<T>(u - 1);
    for (std::int64_t x = 0; x < n; x += kLanes<T>) {
      const T now = load<T>(u + x), behind = load<T>(u + x + 1);
      const T next_before = load<T>(u + x + kLanes<T> - 1);
      const T sum = around<T, Flat>(grid, line, u, before, behind, load<T>(f + x), x);
      const T moved = relaxed<T>(now, sum, load<T>(line.reciprocal + x), T(omega));
      store(u + x, select(chosen, moved, now));
      before = next_before;
    }
  }
}

/// The last point of a row that is an odd ring has another turn than the others of its colour.
template <bool Flat, class S>
LONGTAIL_INLINE void relax_line(const GridView<S>& grid, S* all_u, const S* all_f, std::int64_t at,
                                int turn, S omega) {
  const Line<S> line = line_of(grid, at);
  S* const u = all_u + line.offset;
  const S* const f = all_f + line.offset;
  const int first = first_of(line, turn);
  const std::int64_t last = grid.points.size - 1;
  const bool apart = grid.points.odd_seam();
  if (line.seam == (turn % 2 != 0)) {
    const S kept = u[last];
    relax_colour<Flat>(grid, line, u, f, first, omega);
    if (apart) u[last] = kept;
  } else if (apart && first == last % 2) {
    relax_point<Flat>(grid, line, u, f, last, omega);
  }
}

template <class S>
void relax(const GridView<S>& grid, S* u, const S* f, std::int64_t line, std::int64_t count,
           int turn, S omega) {
  for (std::int64_t i = line; i < line + count; ++i) {
    if (grid.flat) {
      relax_line<true>(grid, u, f, i, turn, omega);
    } else {
      relax_line<false>(grid, u, f, i, turn, omega);
    }
  }
}

template <class S>
void relax_zero(const GridView<S>& grid, S* all_u, const S* all_f, std::int64_t begin,
                std::int64_t count, int turn, S omega) {
  using T = native<S>;
  for (std::int64_t i = begin; i < begin + count; ++i) {
    const Line<S> line = line_of(grid, i);
    S* const u = all_u + line.offset;
    const S* const f = all_f + line.offset;
    const int first = first_of(line, turn);
    const std::int64_t n = grid.points.size, last = n - 1;
    const auto relaxed_point = [&](std::int64_t x) {
      return (x + first) % 2 == 0 ? omega * f[x] * line.reciprocal[x] : S(0);
    };
    const bool now = line.seam == (turn % 2 != 0), apart = grid.points.odd_seam();
    if (!now) {
      for (std::int64_t x = 0; x < n; ++x) u[x] = S(0);
    } else if constexpr (kLanes<T> == 1) {
      for (std::int64_t x = 0; x < n; ++x) u[x] = relaxed_point(x);
    } else {
      const mask_t<T> chosen = first == 0 ? every_other<T>(0) : every_other<T>(1);
      for (std::int64_t x = 0; x < n; x += kLanes<T>) {
        const T moved = T(omega) * load<T>(f + x) * load<T>(line.reciprocal + x);
        store(u + x, select(chosen, moved, T(S(0))));
      }
    }
    if (apart) u[last] = now ? S(0) : relaxed_point(last);
  }
}

template <class T, bool Flat, class S>
LONGTAIL_INLINE T residual_at(const GridView<S>& grid, const Line<S>& line, const S* u, const S* f,
                              std::int64_t x) {
  const T sum =
      around<T, Flat>(grid, line, u, load<T>(u + x - 1), load<T>(u + x + 1), load<T>(f + x), x);
  return fma(-(load<T>(grid.points.diagonal + x) + T(line.diagonal)), load<T>(u + x), sum);
}

/// Calls put(x, residual of the vector at x) along a row; the lanes behind the row are whatever.
template <class S, class Put>
LONGTAIL_INLINE void each_residual(const GridView<S>& grid, const S* u, const S* f,
                                   const Line<S>& line, const Put& put) {
  using T = native<S>;
  for (std::int64_t x = 0; x < grid.points.size; x += kLanes<T>) {
    put(x, grid.flat ? residual_at<T, true>(grid, line, u + line.offset, f + line.offset, x)
                     : residual_at<T, false>(grid, line, u + line.offset, f + line.offset, x));
  }
}

/// Squares of a row, lanes behind its end left out; added up in a fixed order.
template <class S>
class SumOfSquares {
 public:
  using T = native<S>;
  explicit SumOfSquares(std::int64_t size) : size_(size) {}
  LONGTAIL_INLINE void add(std::int64_t x, T a) {
    if (x + kLanes<T> <= size_) {
      sum_ = fma(a, a, sum_);
    } else {
      for (std::int64_t i = x; i < size_; ++i) {
        const double one = static_cast<double>(lane(a, static_cast<int>(i - x)));
        rest_ += one * one;
      }
    }
  }
  LONGTAIL_INLINE double total() const {
    double total = rest_;
    for (int i = 0; i < kLanes<T>; ++i) total += static_cast<double>(lane(sum_, i));
    return total;
  }

 private:
  std::int64_t size_;
  T sum_ = T(S(0));
  double rest_ = 0;
};

template <class S>
double residual(const GridView<S>& grid, const S* u, const S* f, std::int64_t at, S* to) {
  const Line<S> line = line_of(grid, at);
  SumOfSquares<S> sum(grid.points.size);
  each_residual(grid, u, f, line, [&](std::int64_t x, auto a) {
    store(to + x, a);
    sum.add(x, a);
  });
  return sum.total();
}

double residual_to_float32(const GridView<double>& grid, const double* u, const double* f,
                           std::int64_t at, float* to) {
  const Line<double> line = line_of(grid, at);
  SumOfSquares<double> sum(grid.points.size);
  each_residual(grid, u, f, line, [&](std::int64_t x, auto a) {
    for (int i = 0; i < kLanes<native<double>>; ++i) to[x + i] = static_cast<float>(lane(a, i));
    sum.add(x, a);
  });
  return sum.total();
}

template <class S>
void jacobi(const GridView<S>& grid, const S* u, const S* f, std::int64_t at, S omega, S* to) {
  using T = native<S>;
  const Line<S> line = line_of(grid, at);
  each_residual(grid, u, f, line, [&](std::int64_t x, auto a) {
    const T step = T(omega) * load<T>(line.reciprocal + x);
    store(to + x, fma(step, a, load<T>(u + line.offset + x)));
  });
}

void add_float32(std::int64_t size, const float* e, bool zero, double* u) {
  if (zero) {
    for (std::int64_t x = 0; x < size; ++x) u[x] = 0.0 + static_cast<double>(e[x]);
  } else {
    for (std::int64_t x = 0; x < size; ++x) u[x] += static_cast<double>(e[x]);
  }
}

template <class S>
constexpr GridKernels<S> kernels_of() {
  return {relax<S>,        relax_zero<S>,  jacobi<S>, residual<S>,
          restrict_row<S>, prolong_row<S>, combine<S>};
}

}  // namespace

extern const AllGridKernels kGridKernels;
const AllGridKernels kGridKernels = {
    {kernels_of<double>(), kernels_of<float>()}, residual_to_float32, add_float32};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
