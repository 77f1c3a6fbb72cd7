// The tiles of kan_level.h, compiled once per CPU level: lanes are neighbouring inputs.

#include "rational/kan_level.h"
#include "core/element_lanes.h"
#include "core/multiply.h"

namespace longtail::rational {
inline namespace LONGTAIL_LEVEL {
namespace {

template <class T>
struct VectorWork {
  T slots[kMaxFunctions];
  LONGTAIL_INLINE T get(int j) const { return slots[j]; }
  LONGTAIL_INLINE void set(int j, T value) { slots[j] = value; }
};

/// The table of the vector of inputs that starts at `column`.
template <class T>
struct VectorTable {
  const scalar_t<T>* column;
  std::int64_t stride;
  LONGTAIL_INLINE T operator()(int row) const { return load<T>(column + row * stride); }
};

/// Calls visit(table, first input, how many) for each vector of inputs.
template <class T, class Visit>
LONGTAIL_INLINE void for_inputs(const KanTile<scalar_t<T>>& tile, const Visit& visit) {
  constexpr int width = kLanes<T>;
  for (std::int64_t i = 0; i < tile.inputs; i += width) {
    const std::int64_t rest = tile.inputs - i;
    // Some functions have no table.
    const auto* column = tile.table == nullptr ? nullptr : tile.table + i;
    visit(VectorTable<T>{column, tile.table_stride}, i,
          static_cast<int>(rest < width ? rest : width));
  }
}

template <BasisKind kind, class T>
void values(const KanTile<scalar_t<T>>& tile, scalar_t<T>* phi) {
  const std::int64_t columns = tile.shape->total() * tile.inputs;
  VectorWork<T> work;
  for_inputs<T>(tile, [&](const VectorTable<T>& table, std::int64_t i, int count) {
    for (std::int64_t n = 0; n < tile.rows; ++n) {
      const T x = load_lanes<T>(tile.x + n * tile.inputs + i, count, 0);
      scalar_t<T>* out = phi + n * columns + i;
      visit_basis<kind, false>(*tile.shape, x, table, work, [&](int k, const Term<T>& term) {
        scalar_t<T>* at = out + k * tile.inputs;
        count == kLanes<T> ? store(at, term.value) : store_lanes(at, term.value, count);
      });
    }
  });
}

template <BasisKind kind, class T>
void pull(const KanTile<scalar_t<T>>& tile, const scalar_t<T>* dphi, scalar_t<T>* dx, double* first,
          double* second) {
  using S = scalar_t<T>;
  const std::int64_t columns = tile.shape->total() * tile.inputs;
  const int functions = tile.shape->functions;
  VectorWork<T> work;
  T sums[2][has_parameters(kind) ? kMaxFunctions : 1];
  for_inputs<T>(tile, [&](const VectorTable<T>& table, std::int64_t i, int count) {
    if constexpr (has_parameters(kind)) {
      for (int k = 0; k < functions; ++k) sums[0][k] = sums[1][k] = T(S(0));
    }
    for (std::int64_t n = 0; n < tile.rows; ++n) {
      const T x = load_lanes<T>(tile.x + n * tile.inputs + i, count, 0);
      const S* in = dphi + n * columns + i;
      T slope(S(0));
      visit_basis<kind, true>(*tile.shape, x, table, work, [&](int k, const Term<T>& term) {
        const S* at = in + k * tile.inputs;
        const T g = count == kLanes<T> ? load<T>(at) : load_lanes<T>(at, count, 0);
        slope = fma(g, term.slope, slope);
        if constexpr (has_parameters(kind)) {
          if (k < functions) {
            sums[0][k] = fma(g, term.first, sums[0][k]);
            sums[1][k] = fma(g, term.second, sums[1][k]);
          }
        }
      });
      store_lanes(dx + n * tile.inputs + i, slope, count);
    }
    if constexpr (has_parameters(kind)) {
      for (int k = 0; k < functions; ++k) {
        for (int l = 0; l < count; ++l) {
          first[k * tile.inputs + i + l] += static_cast<double>(lane(sums[0][k], l));
          second[k * tile.inputs + i + l] += static_cast<double>(lane(sums[1][k], l));
        }
      }
    }
  });
}

template <class S, BasisKind... kinds>
constexpr KanKernels<S> kernels_of() {
  using T = native<S>;
  return {dense_kernels<S>(), {values<kinds, T>...}, {pull<kinds, T>...}};
}
template <class S>
constexpr KanKernels<S> kernels() {
  using enum BasisKind;
  return kernels_of<S, bspline, gaussian_rbf, rswaf, chebyshev, legendre, hermite, relu_window,
                    fourier>();
}

}  // namespace

extern const KanKernels<float> kKanFloat;
extern const KanKernels<double> kKanDouble;
const KanKernels<float> kKanFloat = kernels<float>();
const KanKernels<double> kKanDouble = kernels<double>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
