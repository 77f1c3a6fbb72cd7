// Long convolutions of rows: in one kernel where a transform fits into shared memory, otherwise the
// passes over memory that read and write rows; and taps as points of the ring.
#pragma once

#include "cuda/longconv/conv_rows.cuh"
#include "cuda/longconv/fft_kernels.cuh"

namespace longtail::cuda {

// A row that does not exist: zeros in, nothing out.
template <class E>
__device__ inline Window<E> no_window() {
  return {{nullptr, nullptr, nullptr, 0, 0}, 0, 0, compute_type<E>(0)};
}

template <int Points, class E, class S = compute_type<E>>
__global__ void __launch_bounds__(Tile<S, Points>::kThreads)
    convolve_rows(const __grid_constant__ ConvRows<E> rows, const S* roots, const S* spectrum,
                  E* y) {
  using T = Tile<S, Points>;
  const T tile{dynamic_shared<S>()};
  const std::int64_t count = rows.results(), of_spectrum = rows.shape.batch * rows.result_blocks;
  for (std::int64_t first = blockIdx.x * std::int64_t{T::kRows}; first < count;
       first += gridDim.x * std::int64_t{T::kRows}) {
    tile.enter(roots, true, [&](int row) {
      const std::int64_t p = first + row;
      return p < count ? ResultBlock<E>(rows, p).window() : no_window<E>();
    });
    tile.divide_all(roots);
    tile.template middle<true, true>([&](int row, int t, Complex<S>* z) {
      const std::int64_t p = first + row < count ? first + row : count - 1;
      times_spectrum<T>(spectrum + quotient(p, of_spectrum) * 2 * Points, t, z);
    });
    tile.unite_all(roots);
    tile.leave(roots, true, [&](int row) {
      const std::int64_t p = first + row;
      ResultSink<E> sink(rows, p < count ? p : count - 1, y);
      if (p >= count) sink.input.length = 0;
      return sink;
    });
  }
}

// The first pass of result blocks [first, first + count) to work [count, N], and the last one back.
template <class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kFftThreads)
    enter_rows(const __grid_constant__ ConvRows<E> rows, std::int64_t first, std::int64_t count,
               const S* roots, S* work) {
  const std::int64_t step = rows.size / kMemoryRadix;
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count * step;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t n = i & (step - 1), at = (i - n) * kMemoryRadix + n;
    const Window<E> window = ResultBlock<E>(rows, first + quotient(i, step)).window();
    Complex<S> z[kMemoryRadix];
    LONGTAIL_UNROLL
    for (int r = 0; r < kMemoryRadix; ++r) z[r] = window(n + r * step);
    divide<kMemoryRadix, true>(z, roots, n, step, true);
    LONGTAIL_UNROLL
    for (int q = 0; q < kMemoryRadix; ++q) store_complex(work, at + q * step, z[q]);
  }
}
template <class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kFftThreads)
    leave_rows(const __grid_constant__ ConvRows<E> rows, std::int64_t first, std::int64_t count,
               const S* roots, const S* work, E* y) {
  const std::int64_t step = rows.size / kMemoryRadix;
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count * step;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t n = i & (step - 1), at = (i - n) * kMemoryRadix + n;
    Complex<S> z[kMemoryRadix];
    LONGTAIL_UNROLL
    for (int q = 0; q < kMemoryRadix; ++q) z[q] = load_complex(work, at + q * step);
    unite<kMemoryRadix, true>(z, roots, n, step, true);
    const ResultSink<E> sink(rows, first + quotient(i, step), y);
    LONGTAIL_UNROLL
    for (int r = 0; r < kMemoryRadix; ++r) sink(n + r * step, z[r]);
  }
}

// Taps of a call: where they lie in the ring. Lag -1 - j is number N + N - 1 - j there, negated,
// where rows are whole; otherwise taps begin with the one that looks farthest ahead.
struct ConvTaps {
  std::int64_t rows, size;                 // [C, H] together, and N
  std::int64_t taps, taps_before;          // K, R
  std::int64_t reaching, reaching_before;  // those that meet anything
  bool whole;
  DType dtype;

  ConvTaps(const longconv::ConvShape& shape, const ConvLayout& layout, DType dtype);
};

template <class S>
__global__ void __launch_bounds__(kFftThreads)
    stage_taps(ConvTaps taps, const void* k, const void* k_rev, S* spectrum) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x;
       i < taps.rows * taps.size; i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t row = quotient(i, taps.size), n = i - row * taps.size;
    const std::int64_t after = taps.whole ? n : n - taps.reaching_before;
    const std::int64_t before = taps.whole ? taps.size - 1 - n : taps.reaching_before - 1 - n;
    Complex<S> z = {S(0), S(0)};
    if (after >= 0 && after < taps.reaching) {
      z.re = read_number<S>(k, row * taps.taps + after, taps.dtype);
    }
    if (before >= 0 && before < taps.reaching_before) {
      (taps.whole ? z.im : z.re) =
          read_number<S>(k_rev, row * taps.taps_before + before, taps.dtype);
    }
    store_complex(spectrum, i, z);
  }
}

}  // namespace longtail::cuda
