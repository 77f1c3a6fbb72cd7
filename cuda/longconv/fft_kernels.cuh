// Transforms in place of rows of N complex numbers in memory. A spectrum keeps to the order of
// decimation in frequency, and in each block of `Points` has number 16 t + q at q Points / 16 + t.
#pragma once

#include "cuda/longconv/fft_passes.cuh"
#include "longconv/root.h"

namespace longtail::cuda {

constexpr int kFftThreads = 256;

template <class S>
__global__ void __launch_bounds__(kFftThreads) fill_roots(RootTable table, S* roots) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < table.size;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    int p = table.passes - 1;
    while (i < table.pass[p].begin) --p;
    const RootPass& pass = table.pass[p];
    const std::int64_t step = pass.length / pass.radix, at = i - pass.begin;
    const std::int64_t slot = at / step, n = at % step;
    const std::int64_t q = slot < 4 ? slot : 4 * (slot - 3);
    const std::int64_t of_row = pass.of_rows && slot < 4 ? n : 0;
    const longconv::Root value = longconv::root(4 * n * q + of_row, 4 * pass.length);
    store_complex<S>(roots, i, {static_cast<S>(value.re), static_cast<S>(value.im)});
  }
}

// A pass of radix 16 over memory, forward or back, on `count` rows of 16 `step` numbers.
template <bool Forward, class S>
__global__ void __launch_bounds__(kFftThreads)
    pass_rows(std::int64_t count, std::int64_t step, bool of_rows, const S* roots, S* rows) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count * step;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t n = i & (step - 1), at = (i - n) * kMemoryRadix + n;
    Complex<S> z[kMemoryRadix];
    LONGTAIL_UNROLL
    for (int r = 0; r < kMemoryRadix; ++r) z[r] = load_complex(rows, at + r * step);
    if constexpr (Forward) {
      divide<kMemoryRadix, true>(z, roots, n, step, of_rows);
    } else {
      unite<kMemoryRadix, true>(z, roots, n, step, of_rows);
    }
    LONGTAIL_UNROLL
    for (int r = 0; r < kMemoryRadix; ++r) store_complex(rows, at + r * step, z[r]);
  }
}

// Numbers of one of `count` rows in memory, zeros for a row beyond them.
template <class S>
struct MemoryRow {
  S* pairs;  // or null
  __device__ Complex<S> operator()(int n) const {
    return pairs != nullptr ? load_complex<S>(pairs, n) : Complex<S>{S(0), S(0)};
  }
  __device__ void operator()(int n, const Complex<S>& z) const {
    if (pairs != nullptr) store_complex(pairs, n, z);
  }
};
template <int Points, class S>
struct MemoryRows {
  S* rows;
  std::int64_t first, count;
  __device__ MemoryRow<S> operator()(int row) const {
    return {first + row < count ? rows + (first + row) * 2 * Points : nullptr};
  }
};

// All passes in shared memory over `count` blocks of Points numbers, of `rows` themselves or of
// what the passes over memory left. of_rows: the former.
template <int Points, class S>
__global__ void __launch_bounds__(Tile<S, Points>::kThreads)
    transform_blocks(std::int64_t count, bool of_rows, const S* roots, S scale, S* rows) {
  using T = Tile<S, Points>;
  const T tile{dynamic_shared<S>()};
  for (std::int64_t first = blockIdx.x * std::int64_t{T::kRows}; first < count;
       first += gridDim.x * std::int64_t{T::kRows}) {
    const MemoryRows<Points, S> memory{rows, first, count};
    tile.enter(roots, of_rows, memory);
    tile.divide_all(roots);
    tile.template middle<true, false>([&](int row, int t, const Complex<S>* z) {
      const MemoryRow<S> to = memory(row);
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) {
        const Complex<S> value = z[place<16>(q)];
        to(q * T::kOfRow + t, {value.re * scale, value.im * scale});
      }
    });
  }
}

template <int Points, class S>
__global__ void __launch_bounds__(Tile<S, Points>::kThreads)
    restore_blocks(std::int64_t count, bool of_rows, const S* roots, S* rows) {
  using T = Tile<S, Points>;
  const T tile{dynamic_shared<S>()};
  for (std::int64_t first = blockIdx.x * std::int64_t{T::kRows}; first < count;
       first += gridDim.x * std::int64_t{T::kRows}) {
    const MemoryRows<Points, S> memory{rows, first, count};
    __syncthreads();  // what was in shared memory has been read
    tile.template middle<false, true>([&](int row, int t, Complex<S>* z) {
      const MemoryRow<S> from = memory(row);
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) z[place<16>(q)] = from(q * T::kOfRow + t);
    });
    tile.unite_all(roots);
    tile.leave(roots, of_rows, memory);
  }
}

// There and back: blocks b of rows of `of_row` blocks, times those of the spectrum of row
// (first_row + b / of_row) / of_spectrum.
template <int Points, class S>
__global__ void __launch_bounds__(Tile<S, Points>::kThreads)
    convolve_blocks(std::int64_t count, std::int64_t of_row, std::int64_t first_row,
                    std::int64_t of_spectrum, const S* roots, const S* spectrum, S* rows) {
  using T = Tile<S, Points>;
  const T tile{dynamic_shared<S>()};
  for (std::int64_t first = blockIdx.x * std::int64_t{T::kRows}; first < count;
       first += gridDim.x * std::int64_t{T::kRows}) {
    const MemoryRows<Points, S> memory{rows, first, count};
    tile.enter(roots, false, memory);
    tile.divide_all(roots);
    tile.template middle<true, true>([&](int row, int t, Complex<S>* z) {
      const std::int64_t block = first + row;
      if (block >= count) return;
      const std::int64_t of = (first_row + block / of_row) / of_spectrum;
      times_spectrum<T>(spectrum + (of * of_row + block % of_row) * 2 * Points, t, z);
    });
    tile.unite_all(roots);
    tile.leave(roots, false, memory);
  }
}

}  // namespace longtail::cuda
