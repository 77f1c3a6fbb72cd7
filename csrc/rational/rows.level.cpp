// The row kernels, compiled once per CPU level.

#include "core/element_lanes.h"
#include "rational/far_point.h"
#include "rational/level_kernels.h"

namespace longtail::rational {
inline namespace LONGTAIL_LEVEL {
namespace {

// std::min and std::max are inline functions, which files of a CPU level must not share.
LONGTAIL_INLINE std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
LONGTAIL_INLINE std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

/// Up to here the plain formula serves; beyond, far_point in double. Powers of floats would lose
/// range, those of doubles overflow.
template <class T>
inline constexpr scalar_t<T> kSafeArgument = scalar_t<T>(sizeof(scalar_t<T>) == 8 ? 0x1p100 : 64.0);

template <int M, int N, class T>
LONGTAIL_INLINE Coefficients<M, N, T> spread(const scalar_t<T>* row) {
  Coefficients<M, N, T> c;
  for (int i = 0; i <= M; ++i) c.a[i] = T(row[i]);
  for (int j = 0; j < N; ++j) c.b[j] = T(row[kMaxNumerator + 1 + j]);
  return c;
}

template <Version V, int M, int N, class T>
LONGTAIL_INLINE T value_at(const Coefficients<M, N, T>& c, const double* row, T x) {
  T y = point<V, M, N, false>(c, x).y;
  const mask_t<T> safe = abs(x) <= T(kSafeArgument<T>);
  if (!all(safe)) {
    const double* b = row + kMaxNumerator + 1;
    scalar_t<T> lanes[kLanes<T>];
    store(lanes, y);
    for (int i = 0; i < kLanes<T>; ++i) {
      if (!lane(safe, i))
        lanes[i] = static_cast<scalar_t<T>>(far_point<V, M, N>(row, b, lane(x, i)).y);
    }
    y = load<T>(lanes);
  }
  return y;
}

template <class E, Version V, int M, int N>
void forward_rows(const Shape& shape, const Rows& rows, const void* x_data, void* y_data,
                  std::int64_t begin, std::int64_t end) {
  using T = compute_t<E>;
  constexpr int width = kLanes<T>;
  const E* x = static_cast<const E*>(x_data) + begin * shape.groups * shape.run;
  E* y = static_cast<E*>(y_data) + begin * shape.groups * shape.run;
  const std::int64_t whole = shape.run - shape.run % width;
  for (std::int64_t row = begin; row < end; ++row) {
    for (std::int64_t g = 0; g < shape.groups; ++g, x += shape.run, y += shape.run) {
      const double* of_group = rows.of<double>(g);
      const Coefficients<M, N, T> c = spread<M, N, T>(rows.of<scalar_t<T>>(g));
      for (std::int64_t i = 0; i < whole; i += width) {
        store_full(y + i, value_at<V, M, N, T>(c, of_group, load_full<T>(x + i)));
      }
      if (const int rest = static_cast<int>(shape.run - whole); rest > 0) {
        const T last = load_lanes<T>(x + whole, rest, 0);
        store_lanes(y + whole, value_at<V, M, N, T>(c, of_group, last), rest);
      }
    }
  }
}

/// Lane sums of one group: grad dF/da_i, then grad dF/db_j without the sign of b_j (version A).
template <int M, int N, class T>
struct Sums {
  T a[M + 1], b[N];
};

/// dx of a vector that lies within kSafeArgument, and its part of the sums. Lanes past the end of a
/// run have x = grad = 0 and add nothing.
template <Version V, int M, int N, class T>
LONGTAIL_INLINE T near_gradient(const Coefficients<M, N, T>& c, T grad, T x, Sums<M, N, T>& sums) {
  const Point<T> at = point<V, M, N, true>(c, x);
  const T t = grad * at.inverse, minus_y = V == Version::A ? -at.y : -at.y * at.inner_sign;
  const T u = t * minus_y;
  sums.a[0] = sums.a[0] + t;
  T power = x;
  for (int k = 1; k <= (M > N ? M : N); ++k) {
    if (k <= M) sums.a[k] = fma(t, power, sums.a[k]);
    const bool odd = V == Version::A && k % 2 == 1;  // even powers have no sign to lose
    if (k <= N) sums.b[k - 1] = fma(u, odd ? abs(power) : power, sums.b[k - 1]);
    power = power * x;
  }
  return t * at.scaled_slope;
}

/// The same where some lanes lie beyond; those add to `far_sums` in double.
template <Version V, int M, int N, class T>
__attribute__((noinline)) T far_gradient(const Coefficients<M, N, T>& c, const double* row, T grad,
                                         T x, Sums<M, N, T>& sums, double* far_sums) {
  const mask_t<T> safe = abs(x) <= T(kSafeArgument<T>);
  const T near = near_gradient<V>(c, select(safe, grad, T(0)), select(safe, x, T(0)), sums);
  const double* b = row + kMaxNumerator + 1;
  scalar_t<T> lanes[kLanes<T>];
  store(lanes, near);
  for (int i = 0; i < kLanes<T>; ++i) {
    if (lane(safe, i)) continue;
    const double g = lane(grad, i), sign = sign_or_one(double(lane(x, i)));
    const auto at = far_point<V, M, N>(row, b, lane(x, i));
    lanes[i] = static_cast<scalar_t<T>>(g * at.slope);
    for (int k = 0; k <= M; ++k) far_sums[k] += g * at.over_q[k] * (k % 2 == 1 ? sign : 1.0);
    for (int j = 1; j <= N; ++j) {
      const double odd = V == Version::B && j % 2 == 1 ? sign : 1.0;
      far_sums[kMaxNumerator + j] -= g * at.inner_sign * odd * at.y * at.over_q[j];
    }
  }
  return load<T>(lanes);
}

template <Version V, int M, int N, class T>
LONGTAIL_INLINE T gradient_at(const Coefficients<M, N, T>& c, const double* row, T grad, T x,
                              Sums<M, N, T>& sums, double* far_sums) {
  if (all(abs(x) <= T(kSafeArgument<T>))) [[likely]] {
    return near_gradient<V>(c, grad, x, sums);
  }
  Sums<M, N, T> own = sums;  // a copy, so that `sums` itself can stay in registers
  const T dx = far_gradient<V>(c, row, grad, x, own, far_sums);
  sums = own;
  return dx;
}

/// Adds the lanes of `sums` to the group's float64 sums.
template <int M, int N, class T>
void flush(const Sums<M, N, T>& sums, double* to) {
  for (int i = 0; i <= M; ++i) {
    for (int k = 0; k < kLanes<T>; ++k) to[i] += static_cast<double>(lane(sums.a[i], k));
  }
  for (int j = 0; j < N; ++j) {
    for (int k = 0; k < kLanes<T>; ++k) {
      to[kMaxNumerator + 1 + j] += static_cast<double>(lane(sums.b[j], k));
    }
  }
}

/// Elements that one lane adds up in its own precision before it is flushed.
inline constexpr std::int64_t kLaneTerms = 512;
inline constexpr int kGroupsAtOnce = 64;

template <class E, Version V, int M, int N>
void backward_rows(const Shape& shape, const Rows& rows, const void* grad_data, const void* x_data,
                   void* dx_data, double* group_sums, std::int64_t begin, std::int64_t end) {
  using T = compute_t<E>;
  constexpr int width = kLanes<T>;
  const std::int64_t row_size = shape.groups * shape.run;
  const std::int64_t piece = smaller(shape.run, kLaneTerms * width);
  // The sums of up to kGroupsAtOnce groups stay in the first cache while rows stream by.
  const std::int64_t rows_at_once = larger(1, kLaneTerms * width / piece / 4);
  Sums<M, N, T> sums[kGroupsAtOnce];
  for (std::int64_t first = 0; first < shape.groups; first += kGroupsAtOnce) {
    const std::int64_t last = smaller(shape.groups, first + kGroupsAtOnce);
    for (std::int64_t row = begin; row < end; row += rows_at_once) {
      const std::int64_t stop = smaller(end, row + rows_at_once);
      for (std::int64_t from = 0; from < shape.run; from += piece) {
        const std::int64_t to = smaller(shape.run, from + piece);
        const std::int64_t whole = from + (to - from) / width * width;
        for (std::int64_t g = first; g < last; ++g) sums[g - first] = Sums<M, N, T>{};
        for (std::int64_t r = row; r < stop; ++r) {
          for (std::int64_t g = first; g < last; ++g) {
            const std::int64_t at = r * row_size + g * shape.run;
            const E* x = static_cast<const E*>(x_data) + at;
            const E* grad = static_cast<const E*>(grad_data) + at;
            E* dx = static_cast<E*>(dx_data) + at;
            const double* of_group = rows.of<double>(g);
            const Coefficients<M, N, T> c = spread<M, N, T>(rows.of<scalar_t<T>>(g));
            double* far_sums = group_sums + g * kSlots;
            Sums<M, N, T> own = sums[g - first];
            for (std::int64_t i = from; i < whole; i += width) {
              store_full(dx + i, gradient_at<V, M, N, T>(c, of_group, load_full<T>(grad + i),
                                                         load_full<T>(x + i), own, far_sums));
            }
            if (const int rest = static_cast<int>(to - whole); rest > 0) {
              const T grad_rest = load_lanes<T>(grad + whole, rest, 0);
              const T x_rest = load_lanes<T>(x + whole, rest, 0);
              store_lanes(dx + whole,
                          gradient_at<V, M, N, T>(c, of_group, grad_rest, x_rest, own, far_sums),
                          rest);
            }
            sums[g - first] = own;
          }
        }
        for (std::int64_t g = first; g < last; ++g) {
          flush(sums[g - first], group_sums + g * kSlots);
        }
      }
    }
  }
}

template <class E>
constexpr void fill(RowKernels& kernels, DType dtype) {
  const int d = static_cast<int>(dtype);
  kernels.forward[d][0][0] = forward_rows<E, Version::A, 5, 4>;
  kernels.forward[d][1][0] = forward_rows<E, Version::B, 5, 4>;
  kernels.forward[d][0][1] = forward_rows<E, Version::A, kMaxNumerator, kMaxDenominator>;
  kernels.forward[d][1][1] = forward_rows<E, Version::B, kMaxNumerator, kMaxDenominator>;
  kernels.backward[d][0][0] = backward_rows<E, Version::A, 5, 4>;
  kernels.backward[d][1][0] = backward_rows<E, Version::B, 5, 4>;
  kernels.backward[d][0][1] = backward_rows<E, Version::A, kMaxNumerator, kMaxDenominator>;
  kernels.backward[d][1][1] = backward_rows<E, Version::B, kMaxNumerator, kMaxDenominator>;
}
constexpr RowKernels row_kernels() {
  RowKernels kernels{};
  fill<double>(kernels, DType::float64);
  fill<float>(kernels, DType::float32);
  fill<float16>(kernels, DType::float16);
  fill<bfloat16>(kernels, DType::bfloat16);
  return kernels;
}

}  // namespace

extern const RowKernels kRowKernels;
const RowKernels kRowKernels = row_kernels();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
