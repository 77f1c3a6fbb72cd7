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

// p / each of neighbouring p: a division of 64 bits for the first one only, where no butterfly
// waits in registers.
struct NearQuotient {
  std::int64_t first, rest, each;

  __device__ NearQuotient(std::int64_t p, std::int64_t of)
      : first(quotient(p, of)), rest(p - first * of), each(of) {}
  // of p + ahead, 0 <= ahead < 2^31
  __device__ std::int64_t operator()(int ahead) const {
    const std::int64_t over = rest + ahead - each;
    if (over < 0) return first;
    constexpr std::int64_t most = INT32_MAX;
    return first + 1 +
           static_cast<std::uint32_t>(over) / static_cast<std::uint32_t>(each < most ? each : most);
  }
};

// together: all outputs of a row are taken from one transform of it, which waits behind the tile.
template <int Points, class E, class S = compute_type<E>>
__global__ void __launch_bounds__(Tile<S, Points>::kThreads)
    convolve_rows(const __grid_constant__ ConvRows<E> rows, int together, const S* roots,
                  const S* spectrum, E* y) {
  using T = Tile<S, Points>;
  const T tile{dynamic_shared<S>()};
  S* const kept = tile.pairs + 2 * T::kSize;
  const std::int64_t count = rows.results() / together;
  const std::int64_t of_spectrum = rows.shape.batch * rows.result_blocks;
  const Neighbours<T> mine(count);
  for (std::int64_t first = mine.begin; first < mine.end; first += T::kRows) {
    tile.enter(roots, RowTurn{true}, read_butterflies<T, S>([&](int row) {
                 const std::int64_t p = first + row;
                 return p < count ? ResultBlock<E>(rows, p).window() : no_window<E>();
               }));
    tile.divide_all(roots);
    for (int c = 0; c < together; ++c) {
      const NearQuotient of_rows(first + c * count, of_spectrum);
      const auto times = [&](int row, int t, Complex<S>* z) {
        const int there = first + row < count ? row : static_cast<int>(count - 1 - first);
        times_spectrum<T>(spectrum + of_rows(there) * 2 * Points, t, z);
      };
      // Numbers of a butterfly are kept by the thread that will want them.
      constexpr int step = T::kRows * T::kOfRow;
      if (c == 0) {
        tile.template middle<true, true>([&](int row, int t, Complex<S>* z) {
          if (together > 1) {
            LONGTAIL_UNROLL
            for (int q = 0; q < 16; ++q) store_complex(kept, q * step + row * T::kOfRow + t, z[q]);
          }
          times(row, t, z);
        });
      } else {
        __syncthreads();  // the output before has left
        tile.template middle<false, true>([&](int row, int t, Complex<S>* z) {
          LONGTAIL_UNROLL
          for (int q = 0; q < 16; ++q) z[q] = load_complex(kept, q * step + row * T::kOfRow + t);
          times(row, t, z);
        });
      }
      tile.unite_all(roots);
      tile.leave(roots, RowTurn{true}, write_butterflies<T, S>([&](int row) {
                   const std::int64_t p = first + row;
                   ResultSink<E> sink(rows, (p < count ? p : count - 1) + c * count, y);
                   if (p >= count) sink.input.length = 0;
                   return sink;
                 }));
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
