#pragma once
// The product of a strided and a packed matrix, added to a third, in the registers of one level.
// Every element is one running sum over the depth, so its bits do not depend on what it stands
// beside. The sum starts at 0 and is added last: products of a few chunks then err as sums of
// sums do, not as one long sum.

#include "core/element_lanes.h"
#include "core/panels.h"
#include "core/simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// Rows of c in registers: with two vectors each, most of 32 (AVX-512, NEON) or 16 registers.
inline constexpr int kMultiplyRows = kVectorBytes == 64 || kVectorBytes == 16 ? 12 : 6;

template <class T, int Rows, int Vectors>
LONGTAIL_INLINE void multiply_block(std::int64_t depth, const Strided<scalar_t<T>>& a,
                                    const scalar_t<T>* b, scalar_t<T>* c, std::int64_t c_stride) {
  constexpr int lanes = kLanes<T>;
  T sums[Rows][Vectors];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) sums[r][v] = T(scalar_t<T>(0));
  }
  const scalar_t<T>* column = a.data;
#pragma GCC unroll 1
  for (std::int64_t d = 0; d < depth; ++d, column += a.column, b += Vectors * lanes) {
    T right[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) right[v] = load<T>(b + v * lanes);
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
      const T left(column[r * a.row]);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sums[r][v] = fma(left, right[v], sums[r][v]);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      scalar_t<T>* at = c + r * c_stride + v * lanes;
      store(at, T(load<T>(at) + sums[r][v]));
    }
  }
}

template <class T, int Vectors>
void multiply_panel(std::int64_t rows, std::int64_t depth, Strided<scalar_t<T>> a,
                    const scalar_t<T>* b, scalar_t<T>* c, std::int64_t c_stride) {
  std::int64_t r = 0;
  const auto blocks = [&]<int Rows>(std::integral_constant<int, Rows>) {
    for (; r + Rows <= rows; r += Rows, a.data += Rows * a.row, c += Rows * c_stride) {
      multiply_block<T, Rows, Vectors>(depth, a, b, c, c_stride);
    }
  };
  blocks(std::integral_constant<int, kMultiplyRows>{});
  if constexpr (kMultiplyRows > 8) blocks(std::integral_constant<int, 8>{});
  blocks(std::integral_constant<int, 4>{});
  blocks(std::integral_constant<int, 1>{});
}

template <class T>
void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth,
              const Strided<scalar_t<T>>& a, const scalar_t<T>* b, scalar_t<T>* c,
              std::int64_t c_stride) {
  constexpr int panel = kPanelVectors * kLanes<T>;
  std::int64_t o = 0;
  for (; o + panel <= columns; o += panel, b += depth * panel) {
    multiply_panel<T, kPanelVectors>(rows, depth, a, b, c + o, c_stride);
  }
  if (o < columns) multiply_panel<T, 1>(rows, depth, a, b, c + o, c_stride);
}

/// The sum over lanes, in order.
template <class T>
LONGTAIL_INLINE scalar_t<T> sum_of_lanes(T a) {
  scalar_t<T> sum = lane(a, 0);
  for (int i = 1; i < kLanes<T>; ++i) sum += lane(a, i);
  return sum;
}

template <class S, class E>
void widen_elements(const void* from, S* to, std::int64_t count) {
  const E* elements = static_cast<const E*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = widen<S>(elements[i]);
}
template <class S, class E>
void narrow_elements(const S* from, void* to, std::int64_t count) {
  E* elements = static_cast<E*>(to);
  for (std::int64_t i = 0; i < count; ++i) elements[i] = narrow<E>(from[i]);
}

template <class S>
constexpr DenseKernels<S> dense_kernels() {
  using T = native<S>;
  return {multiply<T>,
          kLanes<T>,
          {widen_elements<S, double>, widen_elements<S, float>, widen_elements<S, float16>,
           widen_elements<S, bfloat16>},
          {narrow_elements<S, double>, narrow_elements<S, float>, narrow_elements<S, float16>,
           narrow_elements<S, bfloat16>}};
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
