// Long convolutions of rows of N numbers in one kernel whose shared memory holds N / R points of
// the transform, R = 3, 4 or 5, and N real sums.
//
// The first pass, of radix R, leaves R transforms of N / R points that have nothing to do with each
// other until the last pass back, which adds them up. So they are worked on one after the other:
// each reads the row again, from a cache, and adds to the sums what it gives to the results.
#pragma once

#include "cuda/longconv/conv_forward.cuh"

namespace longtail::cuda {

// Shared memory has room for one block, or two of the smaller ones: as many threads as there are
// butterflies.
template <class S, int Points>
using PartTile = Tile<S, Points, sizeof(S) == 4 ? 512 : 256>;

template <class S, int Points>
constexpr std::size_t bytes_of_parts(int parts) {
  return (2 + parts) * std::size_t{Points} * sizeof(S);
}

// One part: number n of it is the sum over r of weight r times number n + r Points of the row, and
// goes back to them by the conjugate weights.
template <class T, class S>
struct RowPart {
  const S* weights;
  int parts;

  template <class E>
  __device__ void read(const Window<E>& window, int n, Complex<S>* z) const {
    LONGTAIL_UNROLL
    for (int q = 0; q < 16; ++q) z[q] = {S(0), S(0)};
    for (int r = 0; r < parts; ++r) {
      const Complex<S> weight = load_complex(weights, r);
      Complex<S> x[16];
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) x[q] = window(r * T::kPoints + n + q * T::kOfRow);
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) {
        z[q].re = fma(weight.re, x[q].re, z[q].re);
        z[q].im = fma(weight.im, x[q].re, z[q].im);
      }
      if (window.sign == S(0)) continue;
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) {
        z[q].re = fma(-weight.im, x[q].im, z[q].re);
        z[q].im = fma(weight.re, x[q].im, z[q].im);
      }
    }
  }
  // visit(r, n, value): what the part gives to the real number n of the row.
  template <class Visit>
  __device__ void write(int n, const Complex<S>* z, const Visit& visit) const {
    for (int r = 0; r < parts; ++r) {
      const Complex<S> weight = load_complex(weights, r);
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) {
        visit(r * T::kPoints + n + q * T::kOfRow, fma(weight.re, z[q].re, weight.im * z[q].im));
      }
    }
  }
};

// roots: of blocks; of_parts: PartTables.
template <int Points, class E, class S = compute_type<E>>
__global__ void __launch_bounds__(PartTile<S, Points>::kThreads)
    convolve_parts(const __grid_constant__ ConvRows<E> rows, int parts, const S* roots,
                   const S* of_parts, const S* spectrum, E* y) {
  using T = PartTile<S, Points>;
  static_assert(T::kRows == 1);
  constexpr PartTables tables(Points);
  const T tile{dynamic_shared<S>()};
  S* const sums = tile.pairs + 2 * Points;
  const std::int64_t of_spectrum = rows.shape.batch * rows.result_blocks;
  const Neighbours<T> mine(rows.results());
  for (std::int64_t p = mine.begin; p < mine.end; ++p) {
    const ResultBlock<E> block(rows, p);
    const Window<E> window = block.window();
    const ResultSink<E> sink(rows, block, y);
    for (int part = 0; part < parts; ++part) {
      const S* const own = of_parts + 2 * part * tables.size;
      const PartTurn<S> turn{own + 2 * tables.turns};
      const RowPart<T, S> of_row{own + 2 * tables.weights, parts};
      tile.enter(own, turn, [&](int, int n, Complex<S>* z) { of_row.read(window, n, z); });
      tile.divide_all(roots);
      const std::int64_t at = quotient(p, of_spectrum) * parts + part;
      tile.template middle<true, true>(
          [&](int, int t, Complex<S>* z) { times_spectrum<T>(spectrum + at * 2 * Points, t, z); });
      tile.unite_all(roots);
      // Each sum is one thread's, from its first part to its last.
      tile.leave(own, turn, [&](int, int n, const Complex<S>* z) {
        of_row.write(n, z, [&](int to, S value) {
          if (part > 0) value += sums[to];
          if (part + 1 < parts) {
            sums[to] = value;
          } else {
            sink(to, Complex<S>{value, S(0)});
          }
        });
      });
    }
  }
}

}  // namespace longtail::cuda
