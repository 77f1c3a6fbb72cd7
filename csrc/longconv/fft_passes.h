#pragma once
// The passes of a plan over one row that lies in two arrays, real and imaginary parts.

#include "core/simd.h"
#include "longconv/butterfly.h"
#include "longconv/fft_plan.h"
#include "longconv/transpose.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

/// Numbers of the row from one index on; Complex<T> at a time.
template <class T>
struct Row {
  scalar_t<T>*re, *im;
  LONGTAIL_INLINE Complex<T> load_at(std::int64_t n) const {
    return {load<T>(re + n), load<T>(im + n)};
  }
  LONGTAIL_INLINE void store_at(std::int64_t n, const Complex<T>& z) const {
    store(re + n, z.re);
    store(im + n, z.im);
  }
  LONGTAIL_INLINE Row operator+(std::int64_t n) const { return {re + n, im + n}; }
};

template <class T>
LONGTAIL_INLINE Complex<T> load_pair(const scalar_t<T>* p) {
  return {load<T>(p), load<T>(p + kLanes<T>)};
}
template <class T>
LONGTAIL_INLINE void store_pair(scalar_t<T>* p, const Complex<T>& z) {
  store(p, z.re);
  store(p + kLanes<T>, z.im);
}

/// The roots of vector n of a pass but the first, of which each has `count`.
template <class T>
LONGTAIL_INLINE const scalar_t<T>* roots_at(const FftPass& pass, std::int64_t n, int count) {
  return static_cast<const scalar_t<T>*>(pass.roots) + 2 * n * count;
}

/// The same of the first pass, of which vector n has root q.
template <int R, class T>
LONGTAIL_INLINE Complex<T> first_root(const FftPlan& plan, std::int64_t n, int q) {
  using S = scalar_t<T>;
  const S* start = static_cast<const S*>(plan.pass[0].roots) + 2 * (n / kLanes<T> * R + q);
  const S* lanes = static_cast<const S*>(plan.lane_roots) + 2 * q * kLanes<T>;
  return Complex<T>{T(start[0]), T(start[1])} * load_pair<T>(lanes);
}

/// The first pass: `source(n)` is a vector of the row's real numbers, or of complex ones.
template <int R, class T, class Source>
void enter(const FftPlan& plan, const Source& source, Row<T> row) {
  using S = scalar_t<T>;
  const std::int64_t step = plan.size / R;
  for (std::int64_t n = 0; n < step; n += kLanes<T>) {
    Complex<T> z[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const auto a = source(n + r * step);
      if constexpr (std::is_same_v<decltype(a), const T>) {
        z[r] = {a * T(S(kTurn<R>.cosine[r])), a * T(S(-kTurn<R>.sine[r]))};
      } else {
        z[r] = rotated(a, kTurn<R>.cosine[r], kTurn<R>.sine[r]);
      }
    }
    Dft<R, 1, T>::run(z);
#pragma GCC unroll 16
    for (int q = 0; q < R; ++q) {
      row.store_at(n + q * step, first_root<R, T>(plan, n, q) * z[place<R>(q)]);
    }
  }
}

/// The same backwards; `sink(n, z)` gets numbers of the row: z.re is a[n], -z.im is a[n + N].
template <int R, class T, class Sink>
void leave(const FftPlan& plan, Row<T> row, const Sink& sink) {
  const std::int64_t step = plan.size / R;
  for (std::int64_t n = 0; n < step; n += kLanes<T>) {
    Complex<T> z[R];
#pragma GCC unroll 16
    for (int q = 0; q < R; ++q) {
      z[q] = swapped(conjugate_times(first_root<R, T>(plan, n, q), row.load_at(n + q * step)));
    }
    Dft<R, 1, T>::run(z);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      sink(n + r * step, rotated(swapped(z[place<R>(r)]), kTurn<R>.cosine[r], -kTurn<R>.sine[r]));
    }
  }
}

/// A pass in between, on one block.
template <int R, class T>
void divide(const FftPass& pass, Row<T> row) {
  using S = scalar_t<T>;
  const std::int64_t step = pass.length / R;
  for (std::int64_t n = 0; n < step; n += kLanes<T>) {
    Complex<T> z[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) z[r] = row.load_at(n + r * step);
    Dft<R, 1, T>::run(z);
    const S* roots = roots_at<T>(pass, n, R - 1);
    row.store_at(n, z[0]);
#pragma GCC unroll 16
    for (int q = 1; q < R; ++q) {
      row.store_at(n + q * step, load_pair<T>(roots + 2 * (q - 1) * kLanes<T>) * z[place<R>(q)]);
    }
  }
}
template <int R, class T>
void unite(const FftPass& pass, Row<T> row) {
  using S = scalar_t<T>;
  const std::int64_t step = pass.length / R;
  for (std::int64_t n = 0; n < step; n += kLanes<T>) {
    Complex<T> z[R];
    const S* roots = roots_at<T>(pass, n, R - 1);
    z[0] = swapped(row.load_at(n));
#pragma GCC unroll 16
    for (int q = 1; q < R; ++q) {
      z[q] = swapped(conjugate_times(load_pair<T>(roots + 2 * (q - 1) * kLanes<T>),
                                     row.load_at(n + q * step)));
    }
    Dft<R, 1, T>::run(z);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) row.store_at(n + r * step, swapped(z[place<R>(r)]));
  }
}

/// Rows and columns of a square change places.
template <class T>
LONGTAIL_INLINE void transpose(Complex<T> (&z)[kLanes<T>]) {
  T part[kLanes<T>];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; ++i) part[i] = z[i].re;
  transpose(part);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; ++i) {
    z[i].re = part[i];
    part[i] = z[i].im;
  }
  transpose(part);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; ++i) z[i].im = part[i];
}

/// A last block forward, to the spectrum in registers. Vector i of it is frequency kLanes * (index
/// of i) + lane, up to an order that all spectra share.
template <class T>
LONGTAIL_INLINE void last_forward(const FftPlan& plan, Row<T> row, Complex<T> (&z)[kLanes<T>]) {
  constexpr int W = kLanes<T>;
  const auto* roots = static_cast<const scalar_t<T>*>(plan.last_roots);
  Complex<T> turned[W];
#pragma GCC unroll 16
  for (int i = 0; i < W; ++i) z[i] = row.load_at(i * W);
  Dft<W, 1, T>::run(z);
  turned[0] = z[0];
#pragma GCC unroll 16
  for (int q = 1; q < W; ++q) {
    turned[q] = load_pair<T>(roots + 2 * (q - 1) * W) * z[place<W>(q)];
  }
  transpose<T>(turned);
#pragma GCC unroll 16
  for (int i = 0; i < W; ++i) z[i] = turned[i];
  Dft<W, 1, T>::run(z);
}

/// And back to the row.
template <class T>
LONGTAIL_INLINE void last_backward(const FftPlan& plan, const Complex<T> (&z)[kLanes<T>],
                                   Row<T> row) {
  constexpr int W = kLanes<T>;
  const auto* roots = static_cast<const scalar_t<T>*>(plan.last_roots);
  Complex<T> a[W], b[W];
#pragma GCC unroll 16
  for (int q = 0; q < W; ++q) a[q] = swapped(z[place<W>(q)]);
  Dft<W, 1, T>::run(a);
#pragma GCC unroll 16
  for (int r = 0; r < W; ++r) b[r] = swapped(a[place<W>(r)]);
  transpose<T>(b);
  a[0] = swapped(b[0]);
#pragma GCC unroll 16
  for (int q = 1; q < W; ++q) {
    a[q] = swapped(conjugate_times(load_pair<T>(roots + 2 * (q - 1) * W), b[q]));
  }
  Dft<W, 1, T>::run(a);
#pragma GCC unroll 16
  for (int r = 0; r < W; ++r) row.store_at(r * W, swapped(a[place<W>(r)]));
}

/// Calls run(std::integral_constant<int, radix>()).
template <class Run>
LONGTAIL_INLINE void with_radix(int radix, const Run& run) {
  switch (radix) {
    case 2:
      return run(std::integral_constant<int, 2>());
    case 3:
      return run(std::integral_constant<int, 3>());
    case 4:
      return run(std::integral_constant<int, 4>());
    case 5:
      return run(std::integral_constant<int, 5>());
    case 8:
      return run(std::integral_constant<int, 8>());
    default:
      return run(std::integral_constant<int, 16>());
  }
}

/// From a row to its spectrum and back, block by block, so that what is worked on is in the
/// smallest cache that holds it. `middle(first, z)` sees the spectrum from number `first` on, a
/// last block at a time; Forward, Backward: which halves of the way are gone.
template <bool Forward, bool Backward, class T, class Middle>
void visit_blocks(const FftPlan& plan, int p, std::int64_t first, Row<T> row,
                  const Middle& middle) {
  if (p == plan.passes) {
    Complex<T> z[kLanes<T>];
    if constexpr (Forward) last_forward(plan, row, z);
    middle(first, z);
    if constexpr (Backward) last_backward(plan, z, row);
    return;
  }
  const FftPass& pass = plan.pass[p];
  const std::int64_t step = pass.length / pass.radix;
  if constexpr (Forward) {
    if (p > 0) with_radix(pass.radix, [&](auto r) { divide<decltype(r)::value>(pass, row); });
  }
  for (int q = 0; q < pass.radix; ++q) {
    visit_blocks<Forward, Backward>(plan, p + 1, first + q * step, row + q * step, middle);
  }
  if constexpr (Backward) {
    if (p > 0) with_radix(pass.radix, [&](auto r) { unite<decltype(r)::value>(pass, row); });
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
