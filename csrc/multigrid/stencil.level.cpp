// The rows of stencil_level.h, compiled once per CPU level.
#include "multigrid/stencil_math.h"

// After what opens the level's namespace.
#include "multigrid/stencil_level.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

template <int... K>
struct Indices {};

/// The offsets of a reach but (0, 0, -1), whose points are those of the row itself.
using FlatCross = Indices<offset_index(0, -1, 0)>;
using FlatFull = Indices<offset_index(0, -1, -1), offset_index(0, -1, 0), offset_index(0, -1, 1)>;
using Cross = Indices<offset_index(-1, 0, 0), offset_index(0, -1, 0)>;
using Full = Indices<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11>;
constexpr int kAlongRow = offset_index(0, 0, -1);

/// Calls run(offsets) for those of the operator.
template <class S, class Run>
LONGTAIL_INLINE void with_offsets(const StencilView<S>& a, const Run& run) {
  switch (a.reach) {
    case Reach::flat_cross:
      return run(FlatCross());
    case Reach::flat_full:
      return run(FlatFull());
    case Reach::cross:
      return run(Cross());
    case Reach::full:
      return run(Full());
  }
}

/// sum + weights times neighbours at offset K and at its opposite, for the points at x.
template <class T, int K, class S>
LONGTAIL_INLINE T add_pair(const StencilView<S>& a, const S* u, std::int64_t at, std::int64_t x,
                           T sum) {
  const std::int64_t step = a.shape.step(offset_of(K));
  const S* const w = a.weights[K] + at + x;
  sum = fma(load<T>(w), load<T>(u + at + x + step), sum);
  return fma(load<T>(w - step), load<T>(u + at + x - step), sum);
}

/// f + the sum of weights times neighbours; `before` and `behind` are those along the row.
template <class T, class S, int... K>
LONGTAIL_INLINE T around(const StencilView<S>& a, const S* u, std::int64_t at, std::int64_t x,
                         T before, T behind, T sum, Indices<K...>) {
  const S* const w = a.weights[kAlongRow] + at + x;
  sum = fma(load<T>(w), before, sum);
  sum = fma(load<T>(w + 1), behind, sum);
  ((sum = add_pair<T, K>(a, u, at, x, sum)), ...);
  return sum;
}

/// Over: omega is not 1.
template <bool Over, class S>
LONGTAIL_INLINE void relax_row(const StencilView<S>& a, S* u, const S* f, std::int64_t line,
                               int first, S omega) {
  using T = native<S>;
  const std::int64_t at = a.shape.line(line), n = a.shape.sizes[2];
  const auto moved = []<class V>(V now, V sum, V reciprocal, V over) {
    if constexpr (Over) return relaxed<V>(now, sum, reciprocal, over);
    return sum * reciprocal;
  };
  with_offsets(a, [&](auto offsets) {
    if constexpr (kLanes<T> == 1) {
      for (std::int64_t x = first; x < n; x += 2) {
        S* const p = u + at + x;
        const S sum = around<S>(a, u, at, x, p[-1], p[1], f[at + x], offsets);
        *p = moved(*p, sum, a.reciprocal[at + x], omega);
      }
    } else {
      // As in grid.level.cpp: what the next vector needs of this one is read before the store.
      const mask_t<T> chosen = every_other<T>(first);
      T before = load<T>(u + at - 1);
      for (std::int64_t x = 0; x < n; x += kLanes<T>) {
        S* const p = u + at + x;
        const T now = load<T>(p), behind = load<T>(p + 1), next = load<T>(p + kLanes<T> - 1);
        const T sum = around<T>(a, u, at, x, before, behind, load<T>(f + at + x), offsets);
        store(p, select(chosen, moved(now, sum, load<T>(a.reciprocal + at + x), T(omega)), now));
        before = next;
      }
    }
  });
  if (a.shape.periodic[2]) {
    u[at - 1] = u[at + n - 1];
    u[at + n] = u[at];
  }
}

template <class S>
void relax(const StencilView<S>& a, S* u, const S* f, std::int64_t line, int first, S omega) {
  if (omega == S(1)) {
    relax_row<false>(a, u, f, line, first, omega);
  } else {
    relax_row<true>(a, u, f, line, first, omega);
  }
}

template <class S>
void step(const StencilView<S>& a, const S* r, std::int64_t line, S kept, S scale, S* d, S* u) {
  using T = native<S>;
  const std::int64_t at = a.shape.line(line), n = a.shape.sizes[2];
  for (std::int64_t x = at; x < at + n; x += kLanes<T>) {
    // Behind the row all of them are finite, whatever they are.
    const T moved = moved_along<T>(load<T>(d + x), load<T>(r + x), load<T>(a.reciprocal + x),
                                   T(kept), T(scale));
    store(d + x, moved);
    store(u + x, load<T>(u + x) + moved);
  }
}

template <class S>
void residual(const StencilView<S>& a, const S* u, const S* f, std::int64_t line, S* to) {
  using T = native<S>;
  const std::int64_t at = a.shape.line(line), n = a.shape.sizes[2];
  with_offsets(a, [&](auto offsets) {
    for (std::int64_t x = 0; x < n; x += kLanes<T>) {
      const S* const p = u + at + x;
      const T sum =
          around<T>(a, u, at, x, load<T>(p - 1), load<T>(p + 1), load<T>(f + at + x), offsets);
      store(to + x, fma(-load<T>(a.centre + at + x), load<T>(p), sum));
    }
  });
}

template <class S>
double apply(const StencilView<S>& a, const S* u, std::int64_t line, S* to) {
  using T = native<S>;
  const std::int64_t at = a.shape.line(line), n = a.shape.sizes[2];
  double total = 0;
  with_offsets(a, [&](auto offsets) {
    T products = T(S(0));
    for (std::int64_t x = 0; x < n; x += kLanes<T>) {
      const S* const p = u + at + x;
      const T here = load<T>(p);
      const T sum = around<T>(a, u, at, x, load<T>(p - 1), load<T>(p + 1), T(S(0)), offsets);
      const T result = fma(load<T>(a.centre + at + x), here, -sum);
      store(to + x, result);
      if (x + kLanes<T> <= n) {
        products = fma(here, result, products);
      } else {  // what lies behind the row is no point
        for (std::int64_t i = x; i < n; ++i) {
          const int behind = static_cast<int>(i - x);
          total +=
              static_cast<double>(lane(here, behind)) * static_cast<double>(lane(result, behind));
        }
      }
    }
    for (int i = 0; i < kLanes<T>; ++i) total += static_cast<double>(lane(products, i));
  });
  return total;
}

template <class T, class S>
LONGTAIL_INLINE T flow_at(const FaceLine<S>& line, std::int64_t x, T before, T behind) {
  const T here = load<T>(line.u + x);
  T sum = load<T>(line.along + x) * (here - before);
  const std::int64_t last = line.periodic && x + 1 == line.size ? 0 : x + 1;
  sum = fma(load<T>(line.along + last), here - behind, sum);
  for (int k = 0; k < line.count; ++k) {
    const T beyond = line.beyond[k] ? load<T>(line.beyond[k] + x) : T(S(0));
    sum = fma(load<T>(line.faces[k] + x), here - beyond, sum);
  }
  return sum;
}

template <class S>
void flow(const FaceLine<S>& line, S* to) {
  using T = native<S>;
  const std::int64_t n = line.size;
  const auto one = [&](std::int64_t x) {
    const S before = x > 0 ? line.u[x - 1] : line.periodic ? line.u[n - 1] : S(0);
    const S behind = x + 1 < n ? line.u[x + 1] : line.periodic ? line.u[0] : S(0);
    to[x] = flow_at<S>(line, x, before, behind);
  };
  one(0);
  std::int64_t x = 1;
  for (; x + kLanes<T> < n; x += kLanes<T>) {
    store(to + x, flow_at<T>(line, x, load<T>(line.u + x - 1), load<T>(line.u + x + 1)));
  }
  for (; x < n; ++x) one(x);
}

template <class S>
const S* share_at(const SharesView<S>& shares, int plane, int row, int point, std::int64_t at) {
  const S* const all = shares.share[offset_index(plane, row, point)];
  return all ? all + at : nullptr;
}

template <class S>
void restrict_row(const SharesView<S>& shares, int plane, int row, std::int64_t at,
                  std::int64_t coarse_size, std::int64_t fine_size, const S* from, S* to) {
  const S* const middle = share_at(shares, plane, row, 0, at);  // null: all 1
  const CoarseAxis axis = shares.axes[2];
  if (!axis.halved) {
    for (std::int64_t c = 0; c < coarse_size; ++c) to[c] += middle ? middle[c] * from[c] : from[c];
    return;
  }
  const S* const left = share_at(shares, plane, row, -1, at);
  const S* const right = share_at(shares, plane, row, 1, at);
  for (std::int64_t c = 0; c < coarse_size; ++c) {
    const std::int64_t x = 2 * c + axis.first;
    S sum = middle ? middle[c] * from[x] : from[x];
    // Before the first point and behind the last lie copies of the other end, or zeros.
    sum = fma(left[c], from[x - 1], sum);
    to[c] += fma(right[c], from[x + 1], sum);
  }
  (void)fine_size;
}

template <class S>
void prolong_row(const SharesView<S>& shares, int plane, int row, std::int64_t at,
                 std::int64_t coarse_size, std::int64_t fine_size, const S* from, S* to) {
  const S* const middle = share_at(shares, plane, row, 0, at);
  const CoarseAxis axis = shares.axes[2];
  if (!axis.halved) {
    for (std::int64_t c = 0; c < coarse_size; ++c) to[c] += middle ? middle[c] * from[c] : from[c];
    return;
  }
  const S* const left = share_at(shares, plane, row, -1, at);
  const S* const right = share_at(shares, plane, row, 1, at);
  // Fine point 2 c + first - 1 lies between coarse points c - 1 and c; beyond them are ghosts.
  const std::int64_t end = axis.seam ? coarse_size - 1 : coarse_size;
  const std::int64_t least = axis.seam ? 1 : 0;  // there fine point 0 is a coarse one, the last
  for (std::int64_t c = 0; c < end; ++c) {
    const std::int64_t x = 2 * c + axis.first;
    to[x] += middle ? middle[c] * from[c] : from[c];
    if (x > least) to[x - 1] += fma(left[c], from[c], right[c - 1] * from[c - 1]);
  }
  if (axis.seam) {
    to[fine_size - 1] += fma(left[end], from[end], right[end - 1] * from[end - 1]);
    to[0] += middle ? middle[end] * from[end] : from[end];
    return;
  }
  const std::int64_t last = 2 * coarse_size + axis.first - 1;
  if (last < fine_size) {
    to[last] +=
        fma(left[coarse_size], from[coarse_size], right[coarse_size - 1] * from[coarse_size - 1]);
  }
}

template <class S>
constexpr StencilKernels<S> kernels_of() {
  return {relax<S>, residual<S>, step<S>, apply<S>, flow<S>, restrict_row<S>, prolong_row<S>};
}

}  // namespace

extern const BothPrecisions<StencilKernels> kStencilKernels;
const BothPrecisions<StencilKernels> kStencilKernels = {kernels_of<double>(), kernels_of<float>()};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
