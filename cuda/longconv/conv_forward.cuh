// Long convolutions of rows: in one kernel where a transform fits into shared memory
// (conv_parts.cuh where only a part of it does), otherwise the passes over memory that read and
// write rows; and taps as points of the ring.
#pragma once

#include "cuda/longconv/conv_rows.cuh"
#include "cuda/longconv/fft_kernels.cuh"

namespace longtail::cuda {

// A row that does not exist: zeros in, nothing out.
template <class E>
__device__ inline Window<E> no_window() {
  return {{nullptr, nullptr, nullptr, 0, 0}, 0, 0, compute_type<E>(0)};
}

// The rows of a block: neighbours, so that what they share, the spectrum of their head and the
// roots, is in the L1 cache after the first of them.
template <class T>
struct Neighbours {
  std::int64_t begin, end;

  __device__ explicit Neighbours(std::int64_t count) {
    const std::int64_t tiles = (count + T::kRows - 1) / T::kRows;
    const std::int64_t each = (tiles + gridDim.x - 1) / gridDim.x * T::kRows;
    begin = blockIdx.x * each;
    end = begin + each < count ? begin + each : count;
  }
};

// Numbers of Tile::middle behind the tile: each thread finds its own again.
template <class T, class S>
__device__ inline void store_kept(const T& tile, int row, int t, const Complex<S>* z) {
  LONGTAIL_UNROLL
  for (int q = 0; q < 16; ++q) {
    store_complex(tile.pairs + 2 * T::kSize, (q * T::kRows + row) * T::kOfRow + t, z[q]);
  }
}
template <class T, class S>
__device__ inline void load_kept(const T& tile, int row, int t, Complex<S>* z) {
  LONGTAIL_UNROLL
  for (int q = 0; q < 16; ++q) {
    z[q] = load_complex(tile.pairs + 2 * T::kSize, (q * T::kRows + row) * T::kOfRow + t);
  }
}

// Each result is a row of its own, or (Together) all `outputs` of a row are taken from one
// transform of it, which is kept behind the tile.
template <int Points, bool Together, class E, class S = compute_type<E>>
__global__ void __launch_bounds__(Tile<S, Points>::kThreads, Tile<S, Points>::kBlocks)
    convolve_rows(const __grid_constant__ ConvRows<E> rows, const S* roots, const S* spectrum,
                  E* y) {
  using T = Tile<S, Points>;
  const T tile{dynamic_shared<S>()};
  const std::int64_t outputs = Together ? rows.shape.outputs : 1;
  const std::int64_t count = quotient(rows.results(), outputs);
  const std::int64_t of_spectrum = rows.shape.batch * rows.result_blocks;
  const Neighbours<T> mine(count);
  for (std::int64_t first = mine.begin; first < mine.end; first += T::kRows) {
    tile.enter(roots, RowTurn{true}, read_butterflies<T, S>([&](int row) {
                 const std::int64_t p = first + row;
                 return p < count ? ResultBlock<E>(rows, p).window() : no_window<E>();
               }));
    tile.divide_all(roots);
    if constexpr (Together) {
      tile.template middle<true, false>(
          [&](int row, int t, const Complex<S>* z) { store_kept(tile, row, t, z); });
    }
    for (std::int64_t c = 0; c < outputs; ++c) {
      // From one butterfly after the way there to the first one back.
      tile.template middle<!Together, true>([&](int row, int t, Complex<S>* z) {
        const std::int64_t p = (first + row < count ? first + row : count - 1) + c * count;
        if constexpr (Together) load_kept(tile, row, t, z);
        times_spectrum<T>(spectrum + quotient(p, of_spectrum) * 2 * Points, t, z);
      });
      tile.unite_all(roots);
      tile.leave(roots, RowTurn{true}, write_butterflies<T, S>([&](int row) {
                   const std::int64_t p = first + row;
                   ResultSink<E> sink(rows, (p < count ? p : count - 1) + c * count, y);
                   if (p >= count) sink.input.length = 0;
                   return sink;
                 }));
      if constexpr (Together) __syncthreads();  // what is left behind has been read
    }
  }
}

// The first pass of result blocks [first, first + count) to work [count, N], and the last one back.
template <int Radix, class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kFftThreads)
    enter_rows(const __grid_constant__ ConvRows<E> rows, std::int64_t first, std::int64_t count,
               const S* roots, S* work) {
  const std::int64_t step = rows.size / Radix;
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count * step;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const MemoryButterfly<Radix> to(i, step);
    const Window<E> window = ResultBlock<E>(rows, first + quotient(i, step)).window();
    Complex<S> z[Radix];
    LONGTAIL_UNROLL
    for (int r = 0; r < Radix; ++r) z[r] = window(to.n + r * step);
    turn_row<Radix, false>(z, std::make_integer_sequence<int, Radix>());
    divide<Radix, true>(z, roots, to.n, step);
    LONGTAIL_UNROLL
    for (int q = 0; q < Radix; ++q) store_complex(work, to.at + q * step, z[q]);
  }
}
// first_result: of the first one, among those of all outputs.
template <int Radix, class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kFftThreads)
    leave_rows(const __grid_constant__ ConvRows<E> rows, std::int64_t first_result,
               std::int64_t count, const S* roots, const S* work, E* y) {
  const std::int64_t step = rows.size / Radix;
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count * step;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const MemoryButterfly<Radix> from(i, step);
    Complex<S> z[Radix];
    LONGTAIL_UNROLL
    for (int q = 0; q < Radix; ++q) z[q] = load_complex(work, from.at + q * step);
    unite<Radix, true>(z, roots, from.n, step);
    turn_row<Radix, true>(z, std::make_integer_sequence<int, Radix>());
    const ResultSink<E> sink(rows, first_result + quotient(i, step), y);
    LONGTAIL_UNROLL
    for (int r = 0; r < Radix; ++r) sink(from.n + r * step, z[r]);
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
