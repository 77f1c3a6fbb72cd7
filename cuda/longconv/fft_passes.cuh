// Passes of a transform in a block's shared memory, and the butterflies that all passes share.
//
// Numbers lie there as pairs, at swizzled places: whatever the distance between the numbers of a
// butterfly, 16 neighbouring threads reach 16 different pairs of banks.
#pragma once

#include <utility>

#include "cuda/core/shared.cuh"
#include "cuda/longconv/fft_layout.h"
#include "longconv/butterfly.h"

namespace longtail::cuda {

using longconv::Complex;
using longconv::Dft;
using longconv::place;

template <class S>
struct alignas(2 * sizeof(S)) Pair {
  S re, im;
};
template <class S>
__device__ inline Complex<S> load_complex(const S* pairs, std::int64_t at) {
  const Pair<S> pair = reinterpret_cast<const Pair<S>*>(pairs)[at];
  return {pair.re, pair.im};
}
template <class S>
__device__ inline void store_complex(S* pairs, std::int64_t at, const Complex<S>& z) {
  reinterpret_cast<Pair<S>*>(pairs)[at] = {z.re, z.im};
}

__host__ __device__ constexpr int swizzled(int i) { return i ^ (i >> 4 & 15); }

// The place of number `first` + offset; the offset has none of the bits of `first`, whose place is
// `at`. A constant offset costs one operation, or none from 256 on.
__device__ inline int moved_place(int at, int offset) {
  const int place = swizzled(offset);
  return (at ^ (place & 15)) + (place & ~15);
}

// What the first pass of a row does to the R numbers of a butterfly before anything else, and the
// last one back to its results: w^(+-r N / R), the same for all butterflies.
template <int R, bool Back, int... r, class S>
__device__ inline void turn_row(Complex<S>* z, std::integer_sequence<int, r...>) {
  constexpr longconv::Turn<R> turn;
  ((z[r] = longconv::rotated(z[r], turn.cosine[r], Back ? -turn.sine[r] : turn.sine[r])), ...);
}
struct RowTurn {
  bool of_rows;  // false: blocks that were left by a pass over memory

  template <int R, bool Back, class S>
  __device__ void turn(Complex<S>* z) const {
    if (of_rows) turn_row<R, Back>(z, std::make_integer_sequence<int, R>());
  }
};
// In a part of a row (PartTables) they are numbers of memory, the same for all threads.
template <class S>
struct PartTurn {
  const S* turns;

  template <int R, bool Back>
  __device__ void turn(Complex<S>* z) const {
    LONGTAIL_UNROLL
    for (int r = 0; r < R; ++r) {
      const Complex<S> by = load_complex(turns, r);
      z[r] = Back ? conjugate_times(by, z[r]) : by * z[r];
    }
  }
};

// The results of Dft<R> times the roots of the pass at n, in their order.
template <int R, bool First, class S>
__device__ inline void times_roots(Complex<S>* z, const S* roots, std::int64_t n,
                                   std::int64_t step) {
  constexpr int low = R < 4 ? R : 4;
  Complex<S> root[low], result[R];
  LONGTAIL_UNROLL
  for (int b = First ? 0 : 1; b < low; ++b) root[b] = load_complex(roots, n + b * step);
  LONGTAIL_UNROLL
  for (int q = 0; q < R; ++q) {
    const int a = q / 4, b = q % 4;
    const Complex<S> x = z[place<R>(q)];
    if (a == 0) {
      result[q] = First || b > 0 ? root[b] * x : x;
    } else {
      const Complex<S> high = load_complex(roots, n + (3 + a) * step);
      result[q] = (First || b > 0 ? high * root[b] : high) * x;
    }
  }
  LONGTAIL_UNROLL
  for (int q = 0; q < R; ++q) z[q] = result[q];
}
// The way back, with parts swapped for the Dft that follows.
template <int R, bool First, class S>
__device__ inline void times_roots_back(Complex<S>* z, const S* roots, std::int64_t n,
                                        std::int64_t step) {
  constexpr int low = R < 4 ? R : 4;
  Complex<S> root[low];
  LONGTAIL_UNROLL
  for (int b = First ? 0 : 1; b < low; ++b) root[b] = load_complex(roots, n + b * step);
  LONGTAIL_UNROLL
  for (int q = 0; q < R; ++q) {
    const int a = q / 4, b = q % 4;
    if (a == 0) {
      z[q] = swapped(First || b > 0 ? conjugate_times(root[b], z[q]) : z[q]);
    } else {
      const Complex<S> high = load_complex(roots, n + (3 + a) * step);
      z[q] = swapped(conjugate_times(First || b > 0 ? high * root[b] : high, z[q]));
    }
  }
}

// A butterfly forward, and back; First: of the first pass of a row, a part or a block, whose roots
// have a slot 0.
template <int R, bool First, class S>
__device__ inline void divide(Complex<S>* z, const S* roots, std::int64_t n, std::int64_t step) {
  Dft<R, 1, S>::run(z);
  times_roots<R, First>(z, roots, n, step);
}
template <int R, bool First, class S>
__device__ inline void unite(Complex<S>* z, const S* roots, std::int64_t n, std::int64_t step) {
  times_roots_back<R, First>(z, roots, n, step);
  Dft<R, 1, S>::run(z);
  Complex<S> result[R];
  LONGTAIL_UNROLL
  for (int r = 0; r < R; ++r) result[r] = swapped(z[place<R>(r)]);
  LONGTAIL_UNROLL
  for (int r = 0; r < R; ++r) z[r] = result[r];
}

// More threads would leave registers for one block where shared memory has room for several.
template <class S>
constexpr int most_threads(int points) {
  return sizeof(S) == 4 && points > 8192 ? 512 : 256;
}

// Rows of `Points` numbers of type S in one block of at most so many threads.
template <class S, int Points, int Most = most_threads<S>(Points)>
struct Tile {
  static constexpr int kPoints = Points;
  static constexpr int kOfRow = Points / 16;  // butterflies
  static constexpr int kThreads = kOfRow < 128 ? 128 : kOfRow > Most ? Most : kOfRow;
  // Whose registers a multiprocessor shall hold at once, of double; float takes few enough by
  // itself.
  static constexpr int kBlocks = sizeof(S) == 4 ? 0 : 512 / kThreads;
  static constexpr int kRows = kOfRow < kThreads ? kThreads / kOfRow : 1;
  static constexpr int kSize = kRows * Points;
  static constexpr int kBytes = kSize * 2 * static_cast<int>(sizeof(S));
  static constexpr BlockPasses kPasses{Points};
  static constexpr int kSecondRoots = kRootSlots * kOfRow;
  static constexpr int kThirdRoots =
      kSecondRoots + (kPasses.second > 1 ? kRootSlots * (kOfRow / kPasses.second) : 0);

  S* pairs;

  // The first pass: `source(row, n, z)` reads numbers n + r kOfRow of a row to z[r].
  template <class Turn, class Source>
  __device__ void enter(const S* roots, const Turn& turn, const Source& source) const {
    for (int i = threadIdx.x; i < kRows * kOfRow; i += kThreads) {
      const int row = i / kOfRow, n = i % kOfRow, at = swizzled(row * Points + n);
      Complex<S> z[16];
      source(row, n, z);
      turn.template turn<16, false>(z);
      divide<16, true>(z, roots, n, kOfRow);
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) store_complex(pairs, moved_place(at, q * kOfRow), z[q]);
    }
    __syncthreads();
  }
  // The last pass back, to `sink(row, n, z)`.
  template <class Turn, class Sink>
  __device__ void leave(const S* roots, const Turn& turn, const Sink& sink) const {
    for (int i = threadIdx.x; i < kRows * kOfRow; i += kThreads) {
      const int row = i / kOfRow, n = i % kOfRow, at = swizzled(row * Points + n);
      Complex<S> z[16];
      LONGTAIL_UNROLL
      for (int q = 0; q < 16; ++q) z[q] = load_complex(pairs, moved_place(at, q * kOfRow));
      unite<16, true>(z, roots, n, kOfRow);
      turn.template turn<16, true>(z);
      sink(row, n, z);
    }
    // No barrier: what a thread stores next in these places is its own.
  }

  // Passes in between.
  __device__ void divide_all(const S* roots) const {
    if constexpr (kPasses.second > 1) pass<kPasses.second, kOfRow, true>(roots + 2 * kSecondRoots);
    if constexpr (kPasses.third) pass<16, 256, true>(roots + 2 * kThirdRoots);
  }
  __device__ void unite_all(const S* roots) const {
    if constexpr (kPasses.third) pass<16, 256, false>(roots + 2 * kThirdRoots);
    if constexpr (kPasses.second > 1) pass<kPasses.second, kOfRow, false>(roots + 2 * kSecondRoots);
  }

  // The last pass forward, unless `Forward` is false, to the spectrum in registers, visit(row, t,
  // z), and the first one back. Number q kOfRow + t of a spectrum is at z[place<16>(q)].
  template <bool Forward, bool Backward, class Visit>
  __device__ void middle(const Visit& visit) const {
    for (int i = threadIdx.x; i < kRows * kOfRow; i += kThreads) {
      const int at = swizzled(16 * i);
      Complex<S> z[16];
      if constexpr (Forward) {
        LONGTAIL_UNROLL
        for (int r = 0; r < 16; ++r) z[r] = load_complex(pairs, moved_place(at, r));
        Dft<16, 1, S>::run(z);
      }
      visit(i / kOfRow, i % kOfRow, z);
      if constexpr (Backward) {
        Complex<S> back[16];
        LONGTAIL_UNROLL
        for (int q = 0; q < 16; ++q) back[q] = swapped(z[place<16>(q)]);
        Dft<16, 1, S>::run(back);
        LONGTAIL_UNROLL
        for (int r = 0; r < 16; ++r) {
          store_complex(pairs, moved_place(at, r), swapped(back[place<16>(r)]));
        }
      }
    }
    __syncthreads();
  }

 private:
  template <int R, int Length, bool Forward>
  __device__ void pass(const S* roots) const {
    constexpr int step = Length / R;
    for (int i = threadIdx.x; i < kSize / R; i += kThreads) {
      const int n = i % step, at = swizzled(i / step * Length + n);
      Complex<S> z[R];
      LONGTAIL_UNROLL
      for (int r = 0; r < R; ++r) z[r] = load_complex(pairs, moved_place(at, r * step));
      if constexpr (Forward) {
        divide<R, false>(z, roots, n, step);
      } else {
        unite<R, false>(z, roots, n, step);
      }
      LONGTAIL_UNROLL
      for (int r = 0; r < R; ++r) store_complex(pairs, moved_place(at, r * step), z[r]);
    }
    __syncthreads();
  }
};

// What a tile's first pass reads, from `rows(row)(n)`, and its last one writes, to
// `rows(row)(n, z)`.
template <class T, class S, class Rows>
__device__ inline auto read_butterflies(const Rows& rows) {
  return [&rows](int row, int n, Complex<S>* z) {
    const auto numbers = rows(row);
    LONGTAIL_UNROLL
    for (int r = 0; r < 16; ++r) z[r] = numbers(n + r * T::kOfRow);
  };
}
template <class T, class S, class Rows>
__device__ inline auto write_butterflies(const Rows& rows) {
  return [&rows](int row, int n, const Complex<S>* z) {
    const auto to = rows(row);
    LONGTAIL_UNROLL
    for (int r = 0; r < 16; ++r) to(n + r * T::kOfRow, z[r]);
  };
}

// z of Tile::middle times a spectrum.
template <class T, class S>
__device__ inline void times_spectrum(const S* spectrum, int t, Complex<S>* z) {
  LONGTAIL_UNROLL
  for (int q = 0; q < 16; ++q) {
    z[place<16>(q)] = load_complex(spectrum, q * T::kOfRow + t) * z[place<16>(q)];
  }
}

}  // namespace longtail::cuda
