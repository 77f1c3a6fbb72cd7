// The rows of poly.h, compiled once per CPU level.

// First, as it opens the level's namespace inline; the tables only name it.
#include "rational/poly_math.h"

#include "core/element_lanes.h"
#include "rational/poly_level.h"

namespace longtail::rational {
inline namespace LONGTAIL_LEVEL {
namespace {

// Elements that one lane adds up in its own precision before they become float64.
inline constexpr std::int64_t kLaneTerms = 256;

/// Calls visit(offset, lanes) for whole vectors of T and once for the rest.
template <class T, class Visit>
LONGTAIL_INLINE void for_vectors(std::int64_t begin, std::int64_t end, const Visit& visit) {
  constexpr int width = kLanes<T>;
  std::int64_t i = begin;
  for (; i + width <= end; i += width) visit(i, width);
  if (i < end) visit(i, static_cast<int>(end - i));
}
template <class T, class E>
LONGTAIL_INLINE T load_some(const E* p, int count) {
  return count == kLanes<T> ? load_full<T>(p) : load_lanes<T>(p, count, scalar_t<T>(0));
}
template <class T, class E>
LONGTAIL_INLINE void store_some(E* p, T a, int count) {
  count == kLanes<T> ? store_full(p, a) : store_lanes(p, a, count);
}

template <class T>
LONGTAIL_INLINE double sum_of_lanes(T a) {
  double sum = 0;
  for (int k = 0; k < kLanes<T>; ++k) sum += static_cast<double>(lane(a, k));
  return sum;
}

template <class T, bool Grad, class E>
RowSums row_sums(const E* x, const E* grad, std::int64_t n) {
  RowSums sums;
  constexpr std::int64_t piece = kLaneTerms * kLanes<T>;
  for (std::int64_t from = 0; from < n; from += piece) {
    const std::int64_t to = from + piece < n ? from + piece : n;
    T even[3] = {T(0), T(0), T(0)}, with_grad[4] = {T(0), T(0), T(0), T(0)};
    for_vectors<T>(from, to, [&](std::int64_t i, int count) {
      const T a = load_some<T>(x + i, count), z = a * a, fourth = z * z;
      even[0] = even[0] + z;
      even[1] = even[1] + fourth;
      even[2] = fma(fourth, z, even[2]);
      if constexpr (Grad) {
        const T g = load_some<T>(grad + i, count), gz = g * z;
        with_grad[0] = with_grad[0] + g;
        with_grad[1] = fma(g, a, with_grad[1]);
        with_grad[2] = with_grad[2] + gz;
        with_grad[3] = fma(gz, a, with_grad[3]);
      }
    });
    for (int p = 0; p < 3; ++p) sums.even[p] += sum_of_lanes(even[p]);
    if constexpr (Grad) {
      for (int p = 0; p < 4; ++p) sums.with_grad[p] += sum_of_lanes(with_grad[p]);
    }
  }
  return sums;
}

/// Whether float had the room for this row: neither x^6 overflowed nor does x^3 r_3 fall apart.
inline bool fits_float(const RowSums& sums, std::int64_t n) {
  return sums.even[2] < 1e36 * static_cast<double>(n < 1024 ? n : 1024);
}

template <class T>
LONGTAIL_INLINE Cubic<T> narrowed(const Cubic<double>& c) {
  using S = scalar_t<T>;
  return {T(S(c.linear)), T(S(c.square)), T(S(c.cube)), T(S(c.bias))};
}
template <class T>
LONGTAIL_INLINE Pull<T> narrowed(const Pull<double>& k) {
  using S = scalar_t<T>;
  return {T(S(k.first)), T(S(k.third)), T(S(k.fifth))};
}

template <class T, class E>
void norm_row_in(const Poly& poly, double eps, std::int64_t n, const RowSums& sums, const E* x,
                 E* y) {
  const Cubic<T> c = narrowed<T>(row_cubic(row_scale(sums, n, eps), poly.weight.data(), poly.bias));
  for_vectors<T>(0, n, [&](std::int64_t i, int count) {
    store_some(y + i, cubic(c, load_some<T>(x + i, count)), count);
  });
}

template <class T, class E>
void norm_backward_in(const Poly& poly, double eps, std::int64_t n, const RowSums& sums,
                      const E* grad, const E* x, E* dx, double* totals) {
  const double* weight = poly.weight.data();
  const RowScale scale = row_scale(sums, n, eps);
  const Cubic<T> c = narrowed<T>(row_cubic(scale, weight, poly.bias));
  const Pull<T> k = narrowed<T>(row_pull(scale, sums, weight, n));
  for_vectors<T>(0, n, [&](std::int64_t i, int count) {
    const T a = load_some<T>(x + i, count), g = load_some<T>(grad + i, count);
    store_some(dx + i, T(fma(g, cubic_slope(c, a), -pull(k, a))), count);
  });
  for (int p = 0; p < 3; ++p) totals[p] += scale.r[2 - p] * sums.with_grad[3 - p];
  totals[3] += sums.with_grad[0];
}

template <class E>
void norm_row(const Poly& poly, double eps, std::int64_t n, const void* x_data, void* y_data) {
  using T = compute_t<E>;
  const E* x = static_cast<const E*>(x_data);
  E* y = static_cast<E*>(y_data);
  const RowSums sums = row_sums<T, false>(x, x, n);
  if constexpr (sizeof(scalar_t<T>) == 4) {
    if (!fits_float(sums, n)) {
      return norm_row_in<double>(poly, eps, n, row_sums<double, false>(x, x, n), x, y);
    }
  }
  norm_row_in<T>(poly, eps, n, sums, x, y);
}

template <class E>
void norm_row_backward(const Poly& poly, double eps, std::int64_t n, const void* grad_data,
                       const void* x_data, void* dx_data, double* totals) {
  using T = compute_t<E>;
  const E* x = static_cast<const E*>(x_data);
  const E* grad = static_cast<const E*>(grad_data);
  E* dx = static_cast<E*>(dx_data);
  const RowSums sums = row_sums<T, true>(x, grad, n);
  if constexpr (sizeof(scalar_t<T>) == 4) {
    if (!fits_float(sums, n)) {
      const RowSums wide = row_sums<double, true>(x, grad, n);
      return norm_backward_in<double>(poly, eps, n, wide, grad, x, dx, totals);
    }
  }
  norm_backward_in<T>(poly, eps, n, sums, grad, x, dx, totals);
}

template <class T>
LONGTAIL_INLINE Cubic<T> relu_cubic(const Poly& poly) {
  return narrowed<T>(Cubic<double>{poly.weight[2], poly.weight[1], poly.weight[0], poly.bias});
}
/// max(x, 0) that keeps nan.
template <Real T>
LONGTAIL_INLINE T positive_part(T x) {
  return select(x < T(0), T(0), x);
}

template <class E>
void relu_row(const Poly& poly, std::int64_t n, const void* x_data, void* y_data) {
  using T = compute_t<E>;
  const E* x = static_cast<const E*>(x_data);
  E* y = static_cast<E*>(y_data);
  const Cubic<T> c = relu_cubic<T>(poly);
  for_vectors<T>(0, n, [&](std::int64_t i, int count) {
    store_some(y + i, cubic(c, positive_part(load_some<T>(x + i, count))), count);
  });
}

template <class E>
void relu_row_backward(const Poly& poly, std::int64_t n, const void* grad_data, const void* x_data,
                       void* dx_data, double* totals) {
  using T = compute_t<E>;
  const E* x = static_cast<const E*>(x_data);
  const E* grad = static_cast<const E*>(grad_data);
  E* dx = static_cast<E*>(dx_data);
  const Cubic<T> c = relu_cubic<T>(poly);
  constexpr std::int64_t piece = kLaneTerms * kLanes<T>;
  for (std::int64_t from = 0; from < n; from += piece) {
    const std::int64_t to = from + piece < n ? from + piece : n;
    T sums[4] = {T(0), T(0), T(0), T(0)};  // g p^3, g p^2, g p, g
    for_vectors<T>(from, to, [&](std::int64_t i, int count) {
      const T a = load_some<T>(x + i, count), g = load_some<T>(grad + i, count);
      const T p = positive_part(a), gp = g * p, gp2 = gp * p;
      sums[0] = fma(gp2, p, sums[0]);
      sums[1] = sums[1] + gp2;
      sums[2] = sums[2] + gp;
      sums[3] = sums[3] + g;
      store_some(dx + i, T(select(a > T(0), g * cubic_slope(c, p), select(a <= T(0), T(0), a))),
                 count);
    });
    for (int p = 0; p < 4; ++p) totals[p] += sum_of_lanes(sums[p]);
  }
}

template <class E>
constexpr void fill(PolyKernels& kernels, DType dtype) {
  const int d = static_cast<int>(dtype);
  kernels.norm[d] = norm_row<E>;
  kernels.norm_backward[d] = norm_row_backward<E>;
  kernels.relu[d] = relu_row<E>;
  kernels.relu_backward[d] = relu_row_backward<E>;
}
constexpr PolyKernels poly_kernels() {
  PolyKernels kernels{};
  fill<double>(kernels, DType::float64);
  fill<float>(kernels, DType::float32);
  fill<float16>(kernels, DType::float16);
  fill<bfloat16>(kernels, DType::bfloat16);
  return kernels;
}

}  // namespace

extern const PolyKernels kPolyKernels;
const PolyKernels kPolyKernels = poly_kernels();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
