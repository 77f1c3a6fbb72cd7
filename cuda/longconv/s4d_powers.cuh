// Powers of the bases of 32 states, a lane each: in double, rounded once.
#pragma once

#include <cuda_runtime.h>

#include "cuda/longconv/s4d_launch.h"
#include "longconv/s4d_math.h"

namespace longtail::cuda {

using longconv::Complex;

/// a^n by squaring.
__device__ inline Complex<double> power(Complex<double> a, std::int64_t n) {
  Complex<double> result = {1, 0};
  for (; n > 0; n >>= 1) {
    if ((n & 1) != 0) result = result * a;
    a = a * a;
  }
  return result;
}

/// Pair n of an array of pairs, 0 where n is not below `count`.
template <class P>
__device__ inline Complex<double> pair_at(const P* pairs, std::int64_t n, std::int64_t count) {
  if (n >= count) return {0, 0};
  return {static_cast<double>(pairs[2 * n]), static_cast<double>(pairs[2 * n + 1])};
}

/// first[n] step[n]^i for 32 states n and 32 exponents i, in shared memory. Rows are one longer, so
/// that lanes may be either.
template <class S>
struct PowerTable {
  static constexpr int kRow = kS4dLanes + 1;
  S re[kS4dLanes * kRow], im[kS4dLanes * kRow];

  /// Of the calling lane's state; a warp of `warps` makes its share of the exponents.
  __device__ void fill(const Complex<double>& first, const Complex<double>& step, int warps) {
    const int n = threadIdx.x % kS4dLanes, share = kS4dLanes / warps;
    const int begin = static_cast<int>(threadIdx.x) / kS4dLanes * share;
    Complex<double> value = first * power(step, begin);
    for (int i = begin; i < begin + share; ++i) {
      re[n * kRow + i] = static_cast<S>(value.re);
      im[n * kRow + i] = static_cast<S>(value.im);
      value = value * step;
    }
  }
  __device__ Complex<S> at(int n, int i) const { return {re[n * kRow + i], im[n * kRow + i]}; }
};

}  // namespace longtail::cuda
