// The tiles of ntk_level.h, compiled once per CPU level: lanes are neighbouring keys or channels.

#include "attention/ntk_level.h"
#include "core/multiply.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {
namespace {

/// Calls visit(first, how many) for each vector of `count` elements.
template <class T, class Visit>
LONGTAIL_INLINE void for_vectors(std::int64_t count, const Visit& visit) {
  constexpr int width = kLanes<T>;
  std::int64_t i = 0;
  for (; i + width <= count; i += width) visit(i, width);
  if (i < count) visit(i, static_cast<int>(count - i));
}

template <class T>
void features(const scalar_t<T>* x, scalar_t<T> factor, std::int64_t count, scalar_t<T>* phi) {
  for_vectors<T>(count, [&](std::int64_t i, int n) {
    store_lanes(phi + i, feature(T(load_lanes<T>(x + i, n, 0) * factor)), n);
  });
}

template <class T>
void pull_features(const scalar_t<T>* x, scalar_t<T> factor, scalar_t<T> half,
                   const scalar_t<T>* dphi, std::int64_t count, scalar_t<T>* dx) {
  for_vectors<T>(count, [&](std::int64_t i, int n) {
    const T slope = feature_slope(T(load_lanes<T>(x + i, n, 0) * factor));
    const T pulled = slope * (load_lanes<T>(dphi + i, n, 0) * half);
    store_lanes(dx + i, fma(pulled, T(factor), load_lanes<T>(dx + i, n, 0)), n);
  });
}

/// How many keys row r sees.
template <class S>
LONGTAIL_INLINE std::int64_t seen(const ScoreTile<S>& tile, std::int64_t r) {
  const std::int64_t count = tile.visible + r;
  return count < 0 ? 0 : count < tile.columns ? count : tile.columns;
}

template <class T>
void attend(const ScoreTile<scalar_t<T>>& tile, Softmax<scalar_t<T>>* rows, scalar_t<T>* sums,
            std::int64_t width) {
  using S = scalar_t<T>;
  constexpr S nothing = -Format<S>::infinity;
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    S* scores = tile.scores + r * tile.stride;
    const std::int64_t count = seen(tile, r);
    for (std::int64_t j = count; j < tile.stride; ++j) scores[j] = nothing;
    T most(nothing);
    for (std::int64_t j = 0; j < tile.stride; j += kLanes<T>) {
      most = max(load<T>(scores + j), most);
    }
    S largest = rows[r].largest;
    for (int i = 0; i < kLanes<T>; ++i) largest = max(lane(most, i), largest);
    const S shift = largest > nothing ? largest : S(0);
    T total(S(0));
    for (std::int64_t j = 0; j < tile.stride; j += kLanes<T>) {
      const T e = exp(T(load<T>(scores + j) - shift));
      store(scores + j, e);
      total += e;
    }
    const S factor = exp(S(rows[r].largest - shift));
    rows[r] = {largest, fma(rows[r].sum, factor, sum_of_lanes(total))};
    if (factor != S(1)) {
      S* row = sums + r * width;
      for (std::int64_t c = 0; c < width; c += kLanes<T>)
        store(row + c, T(load<T>(row + c) * T(factor)));
    }
  }
}

template <class T>
double finish(const NtkRow<scalar_t<T>>& row, std::int64_t columns, scalar_t<T>* out) {
  using S = scalar_t<T>;
  constexpr double nothing = -Format<double>::infinity;
  const auto [largest, sum] = row.softmax;
  const double attention = sum == S(0) ? nothing : double{largest} + log_of(double{sum});
  const double prefix = log_of(double{row.prefix[columns]}) + row.log_kappa_unit;
  const Join<S> joined = join<S>(attention, prefix);
  const S share = sum == S(0) ? S(0) : joined.attention / sum;
  const S first = static_cast<S>(double{joined.half} * row.z_unit);
  for_vectors<T>(columns, [&](std::int64_t c, int n) {
    const T of_prefix = (load_lanes<T>(row.prefix + c, n, 0) * T(first)) * T(joined.half);
    store_lanes(out + c, fma(load_lanes<T>(row.sums + c, n, 0), T(share), of_prefix), n);
  });
  return joined.lse;
}

template <class T>
NtkSlopes<scalar_t<T>> slopes(const scalar_t<T>* out, const scalar_t<T>* grad, std::int64_t columns,
                              double lse) {
  using S = scalar_t<T>;
  T sum(S(0));
  for_vectors<T>(columns, [&](std::int64_t c, int n) {
    sum = fma(load_lanes<T>(out + c, n, 0), load_lanes<T>(grad + c, n, 0), sum);
  });
  const S delta = sum_of_lanes(sum);
  if (!(lse > -Format<double>::infinity)) {
    const S nan_or_zero = is_nan(lse) ? kNan<S> : S(0);
    return {S(0), nan_or_zero, delta, nan_or_zero};
  }
  const S shift = static_cast<S>(lse);
  return {shift, static_cast<S>(exp(double{shift} - lse)), delta, half_weight<S>(lse)};
}

template <class T>
void pull(const ScoreTile<scalar_t<T>>& tile, const NtkSlopes<scalar_t<T>>* rows, scalar_t<T> scale,
          scalar_t<T>* dp) {
  using S = scalar_t<T>;
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    S *scores = tile.scores + r * tile.stride, *slopes = dp + r * tile.stride;
    const auto& [shift, weight, delta, half] = rows[r];
    const std::int64_t count = seen(tile, r);
    for (std::int64_t j = 0; j < tile.stride; j += kLanes<T>) {
      const T p = exp(T(load<T>(scores + j) - shift)) * T(weight);
      store(scores + j, p);
      store(slopes + j, T(p * (load<T>(slopes + j) - delta) * T(scale)));
    }
    for (std::int64_t j = count; j < tile.stride; ++j) scores[j] = slopes[j] = S(0);
  }
}

template <class S>
constexpr NtkKernels<S> kernels() {
  using T = native<S>;
  return {dense_kernels<S>(), features<T>, pull_features<T>, attend<T>,
          finish<T>,          slopes<T>,   pull<T>};
}

}  // namespace

extern const NtkKernels<float> kNtkFloat;
extern const NtkKernels<double> kNtkDouble;
const NtkKernels<float> kNtkFloat = kernels<float>();
const NtkKernels<double> kNtkDouble = kernels<double>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
