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
    const std::int64_t at = i - pass.begin, slot = at / pass.step, n = at % pass.step;
    const std::int64_t q = slot < 4 ? slot : 4 * (slot - 3), turn = slot < 4 ? pass.turn : 0;
    const longconv::Root value =
        longconv::root(n * (4 * pass.parts * q + turn), 4 * pass.parts * pass.length);
    store_complex<S>(roots, i, {static_cast<S>(value.re), static_cast<S>(value.im)});
  }
}

// Butterfly i of a pass over memory: its first number is `at`, n the place of that in its block.
template <int Radix>
struct MemoryButterfly {
  std::int64_t n, at;
  // step: a power of two
  __device__ MemoryButterfly(std::int64_t i, std::int64_t step)
      : n(i & (step - 1)), at((i - n) * Radix + n) {}
};

// A pass over memory, forward or back, on `count` blocks of Radix * step numbers.
template <int Radix, bool Forward, class S>
__global__ void __launch_bounds__(kFftThreads)
    pass_rows(std::int64_t count, std::int64_t step, bool of_rows, const S* roots, S* rows) {
  const RowTurn turn{of_rows};
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count * step;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const MemoryButterfly<Radix> from(i, step);
    Complex<S> z[Radix];
    LONGTAIL_UNROLL
    for (int r = 0; r < Radix; ++r) z[r] = load_complex(rows, from.at + r * step);
    if constexpr (Forward) {
      turn.turn<Radix, false>(z);
      divide<Radix, true>(z, roots, from.n, step);
    } else {
      unite<Radix, true>(z, roots, from.n, step);
      turn.turn<Radix, true>(z);
    }
    LONGTAIL_UNROLL
    for (int r = 0; r < Radix; ++r) store_complex(rows, from.at + r * step, z[r]);
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
template <class T, class S>
struct MemoryRows {
  S* rows;
  std::int64_t first, count;
  __device__ MemoryRow<S> operator()(int row) const {
    return {first + row < count ? rows + (first + row) * 2 * T::kPoints : nullptr};
  }
};

// Of blocks of rows of `of_row` blocks: row r is for spectrum (first_row + r) / of_spectrum.
template <class S>
struct Spectra {
  const S* numbers;  // or null: none
  std::int64_t first_row, of_spectrum, of_row;

  template <class T>
  __device__ void times(std::int64_t block, int t, Complex<S>* z) const {
    const std::int64_t of = (first_row + block / of_row) / of_spectrum;
    times_spectrum<T>(numbers + (of * of_row + block % of_row) * 2 * T::kPoints, t, z);
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
    const MemoryRows<T, S> memory{rows, first, count};
    tile.enter(roots, RowTurn{of_rows}, read_butterflies<T, S>(memory));
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

// The way back, of `from` times spectra, if there are any; `from` may be `rows`.
template <int Points, class S>
__global__ void __launch_bounds__(Tile<S, Points>::kThreads)
    restore_blocks(std::int64_t count, bool of_rows, const S* roots, S* from, Spectra<S> spectra,
                   S* rows) {
  using T = Tile<S, Points>;
  const T tile{dynamic_shared<S>()};
  for (std::int64_t first = blockIdx.x * std::int64_t{T::kRows}; first < count;
       first += gridDim.x * std::int64_t{T::kRows}) {
    const MemoryRows<T, S> source{from, first, count}, memory{rows, first, count};
    __syncthreads();  // what was in shared memory has been read
    tile.template middle<false, true>([&](int row, int t, Complex<S>* z) {
      const MemoryRow<S> numbers = source(row);
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) z[place<16>(q)] = numbers(q * T::kOfRow + t);
      if (spectra.numbers != nullptr && first + row < count) {
        spectra.template times<T>(first + row, t, z);
      }
    });
    tile.unite_all(roots);
    tile.leave(roots, RowTurn{of_rows}, write_butterflies<T, S>(memory));
  }
}

// There, times spectra, and back: blocks that a pass over memory left.
template <int Points, class S>
__global__ void __launch_bounds__(Tile<S, Points>::kThreads)
    convolve_blocks(std::int64_t count, const S* roots, Spectra<S> spectra, S* rows) {
  using T = Tile<S, Points>;
  const T tile{dynamic_shared<S>()};
  for (std::int64_t first = blockIdx.x * std::int64_t{T::kRows}; first < count;
       first += gridDim.x * std::int64_t{T::kRows}) {
    const MemoryRows<T, S> memory{rows, first, count};
    tile.enter(roots, RowTurn{false}, read_butterflies<T, S>(memory));
    tile.divide_all(roots);
    tile.template middle<true, true>([&](int row, int t, Complex<S>* z) {
      if (first + row < count) spectra.template times<T>(first + row, t, z);
    });
    tile.unite_all(roots);
    tile.leave(roots, RowTurn{false}, write_butterflies<T, S>(memory));
  }
}

}  // namespace longtail::cuda
