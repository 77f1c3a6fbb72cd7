// The rows of rows_level.h, compiled once per CPU level.
#include "longconv/row_vectors.h"

// After what opens the level's namespace.
#include "longconv/rows_level.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {
namespace {

template <class E, class T = compute_t<E>, class S = scalar_t<T>>
void gather(std::int64_t count, const void* row_data, const void* gate_data, S* x) {
  const auto* row = static_cast<const E*>(row_data);
  const auto* gate = static_cast<const E*>(gate_data);
  each_vector<T>(count, [&](std::int64_t n, int lanes, auto whole) {
    T a = take<T>(row + n, lanes, whole);
    if (gate) a = a * take<T>(gate + n, lanes, whole);
    put(x + n, a, lanes, whole);
  });
}

template <class E, class T = compute_t<E>, class S = scalar_t<T>>
void finish(std::int64_t count, const S* conv, const S* tail, S skip, const void* u_data,
            const void* gate_in_data, const void* gate_out_data, void* y_data) {
  const auto* u = static_cast<const E*>(u_data);
  const auto* gate_in = static_cast<const E*>(gate_in_data);
  const auto* gate_out = static_cast<const E*>(gate_out_data);
  auto* y = static_cast<E*>(y_data);
  each_vector<T>(count, [&](std::int64_t n, int lanes, auto whole) {
    T a = take<T>(conv + n, lanes, whole);
    if (tail) a = a + take<T>(tail + n, lanes, whole);
    if (u) {
      T x = take<T>(u + n, lanes, whole);
      if (gate_in) x = x * take<T>(gate_in + n, lanes, whole);
      a = fma(T(skip), x, a);
    }
    if (gate_out) a = a * take<T>(gate_out + n, lanes, whole);
    put(y + n, a, lanes, whole);
  });
}

template <class E, class T = compute_t<E>, class S = scalar_t<T>>
void finish_gradient(std::int64_t count, const S* conv, const S* skipped, const void* u_data,
                     const void* gate_in_data, void* du_data, void* d_gate_data) {
  const auto* u = static_cast<const E*>(u_data);
  const auto* gate_in = static_cast<const E*>(gate_in_data);
  auto* du = static_cast<E*>(du_data);
  auto* d_gate = static_cast<E*>(d_gate_data);
  each_vector<T>(count, [&](std::int64_t n, int lanes, auto whole) {
    T dx = take<T>(conv + n, lanes, whole);
    if (skipped) dx = dx + take<T>(skipped + n, lanes, whole);
    if (d_gate) put(d_gate + n, T(dx * take<T>(u + n, lanes, whole)), lanes, whole);
    if (gate_in) dx = dx * take<T>(gate_in + n, lanes, whole);
    put(du + n, dx, lanes, whole);
  });
}

template <class T, class S = scalar_t<T>>
void add(std::int64_t count, S factor, const S* from, S* to) {
  each_vector<T>(count, [&](std::int64_t n, int lanes, auto whole) {
    const T a = fma(T(factor), take<T>(from + n, lanes, whole), take<T>(to + n, lanes, whole));
    put(to + n, a, lanes, whole);
  });
}

/// In double, in eight sums: the terms may cancel.
template <class S>
double dot(std::int64_t count, const S* a, const S* b) {
  constexpr int kSums = 8;
  double sum[kSums] = {};
  std::int64_t n = 0;
  for (; n + kSums <= count; n += kSums) {
    for (int i = 0; i < kSums; ++i) {
      sum[i] += static_cast<double>(a[n + i]) * static_cast<double>(b[n + i]);
    }
  }
  for (; n < count; ++n) sum[0] += static_cast<double>(a[n]) * static_cast<double>(b[n]);
  double total = 0;
  for (const double each : sum) total += each;
  return total;
}

template <class E, class S>
constexpr RowKernels<S> row_kernels() {
  return {gather<E>, finish<E>, finish_gradient<E>};
}
template <class S>
constexpr RowSums<S> row_sums() {
  return {add<native<S>>, dot<S>};
}

}  // namespace

extern const AllRowKernels kRowKernels;
const AllRowKernels kRowKernels = {
    row_kernels<double, double>(),
    {row_kernels<float, float>(), row_kernels<float16, float>(), row_kernels<bfloat16, float>()},
    row_sums<float>(),
    row_sums<double>()};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
