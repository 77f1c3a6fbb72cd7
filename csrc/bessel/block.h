#pragma once
// One block of elements by vector code: sort the elements by method, run each method's branch-free
// formula on full vectors of its own elements, scatter the results.
//
// An element's result depends on its own arguments only, never on its neighbours or its place.

#include <cstdint>
#include <utility>

#include "bessel/evaluate.h"
#include "bessel/kernels.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

using Index = std::uint16_t;
using Real64 = native<double>;
inline constexpr int kWidth = kLanes<Real64>;

/// Copies the listed elements together; fills up to a whole vector with the last one.
LONGTAIL_INLINE void gather(const double* from, const Index* list, int count, double* to) {
  for (int k = 0; k < count; ++k) to[k] = from[list[k]];
  for (int k = count; k % kWidth != 0; ++k) to[k] = to[count - 1];
}

/// The elements of each method, in order.
struct Sorted {
  int count[kMethods];
  Index list[kMethods][kBlock];
};

template <Function F, int Order>
LONGTAIL_INLINE void sort_by_method(const double* a, const double* b, int n, Sorted& sorted) {
  alignas(64) double method[kBlock + kWidth];
  const auto choose = [&](Real64 first, Real64 second, int at) {
    const Coordinates<Real64> c = coordinates<F>(first, second);
    store(method + at, choose_method<F, Order>(c.v, c.x));
  };
  int k = 0;
  for (; k + kWidth <= n; k += kWidth) choose(load<Real64>(a + k), load<Real64>(b + k), k);
  if (k < n) {
    double first[kWidth] = {}, second[kWidth] = {};
    for (int i = k; i < n; ++i) first[i - k] = a[i], second[i - k] = b[i];
    choose(load<Real64>(first), load<Real64>(second), k);
  }
  for (int m = 0; m < kMethods; ++m) sorted.count[m] = 0;
  for (k = 0; k < n; ++k) {
    const int m = static_cast<int>(method[k]);
    sorted.list[m][sorted.count[m]++] = static_cast<Index>(k);
  }
}

/// Runs one method on packed arguments (whole vectors). Elements of the strip, where the plain
/// formula cancels, are redone in double-double.
template <Function F, Method M, int DA, int DB>
void run_method(const double* a, const double* b, double* out, int count) {
  Index strip[kBlock];
  int strip_count = 0;
  for (int k = 0; k < count; k += kWidth) {
    const Real64 first = load<Real64>(a + k), second = load<Real64>(b + k);
    const Real64 result = partial<F, M, DA, DB>(first, second);
    store(out + k, result);
    if constexpr (kHasStrip<F, M, DA, DB>) {
      const mask_t<Real64> near = needs_exact<F>(result, first, second);
      if (any(near)) {
        for (int i = 0; i < kWidth; ++i) {
          if (lane(near, i) && k + i < count) strip[strip_count++] = static_cast<Index>(k + i);
        }
      }
    }
  }
  if constexpr (kHasStrip<F, M, DA, DB>) {
    if (strip_count == 0) return;
    alignas(64) double first[kBlock + kWidth], second[kBlock + kWidth], exact[kWidth];
    gather(a, strip, strip_count, first);
    gather(b, strip, strip_count, second);
    for (int k = 0; k < strip_count; k += kWidth) {
      store(exact, exact_value<F, M>(load<Real64>(first + k), load<Real64>(second + k)));
      for (int i = 0; i < kWidth && k + i < strip_count; ++i) out[strip[k + i]] = exact[i];
    }
  }
}

template <Function F, Method M, int DA, int DB>
LONGTAIL_INLINE void run_listed(const double* a, const double* b, double* out,
                                const Sorted& sorted) {
  const int count = sorted.count[int(M)];
  if (count == 0) return;
  const Index* list = sorted.list[int(M)];
  if constexpr (M == Method::special) {
    for (int k = 0; k < count; ++k) {
      out[list[k]] = evaluate_point(F, DA, DB, a[list[k]], b[list[k]]);
    }
  } else if constexpr (uses(F, DA + DB, M)) {
    alignas(64) double first[kBlock + kWidth], second[kBlock + kWidth], result[kBlock + kWidth];
    gather(a, list, count, first);
    gather(b, list, count, second);
    run_method<F, M, DA, DB>(first, second, result, count);
    for (int k = 0; k < count; ++k) out[list[k]] = result[k];
  }
}

template <Function F, int DA, int DB, int... M>
LONGTAIL_INLINE void run_all(const double* a, const double* b, double* out, const Sorted& sorted,
                             std::integer_sequence<int, M...>) {
  (run_listed<F, static_cast<Method>(M), DA, DB>(a, b, out, sorted), ...);
}

/// The block kernel of one partial derivative.
template <Function F, int DA, int DB>
void block(const double* a, const double* b, double* out, std::int64_t n) {
  if constexpr (kWidth == 1) {
    for (std::int64_t k = 0; k < n; ++k) out[k] = evaluate<F, DA, DB>(a[k], b[k]);
  } else {
    Sorted sorted;
    sort_by_method<F, DA + DB>(a, b, static_cast<int>(n), sorted);
    run_all<F, DA, DB>(a, b, out, sorted, std::make_integer_sequence<int, kMethods>());
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
