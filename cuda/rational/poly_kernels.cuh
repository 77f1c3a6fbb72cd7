// Polynomial compositions on CUDA. poly_norm: a block takes one row after another. poly_relu: a
// block takes fixed stretches of elements. Weight gradients: each block leaves its float64 sums, a
// second kernel adds them in a fixed order.
#pragma once

#include "cuda/core/element_type.h"
#include "cuda/core/reduce.cuh"
#include "cuda/rational/poly_launch.h"
#include "rational/poly_math.h"

namespace longtail::cuda {

constexpr int kPolyThreads = 256;
constexpr std::int64_t kPolyStretch = 1 << 14;  // elements of poly_relu for each block

// The sums of a row, in every thread. S is the type in which powers are formed.
template <class S, bool Grad, class E>
__device__ inline rational::RowSums poly_row_sums(const E* x, const E* grad, std::int64_t n,
                                                  double* of_warps, double* broadcast) {
  double sums[7] = {};
  for (std::int64_t i = threadIdx.x; i < n; i += kPolyThreads) {
    const S a = read_as<S>(x[i]), z = a * a, fourth = z * z;
    sums[0] += static_cast<double>(z);
    sums[1] += static_cast<double>(fourth);
    sums[2] += static_cast<double>(fourth * z);
    if constexpr (Grad) {
      const S g = read_as<S>(grad[i]), gz = g * z;
      sums[3] += static_cast<double>(g);
      sums[4] += static_cast<double>(g * a);
      sums[5] += static_cast<double>(gz);
      sums[6] += static_cast<double>(gz * a);
    }
  }
  for (int k = 0; k < (Grad ? 7 : 3); ++k) {
    const double total = block_sum<kPolyThreads>(sums[k], of_warps);
    if (threadIdx.x == 0) broadcast[k] = total;
  }
  __syncthreads();
  rational::RowSums result;
  for (int p = 0; p < 3; ++p) result.even[p] = broadcast[p];
  if constexpr (Grad) {
    for (int p = 0; p < 4; ++p) result.with_grad[p] = broadcast[3 + p];
  }
  __syncthreads();  // before `broadcast` is written for the next row
  return result;
}

template <class S>
__device__ inline rational::Cubic<S> poly_narrow(const rational::Cubic<double>& c) {
  return {S(c.linear), S(c.square), S(c.cube), S(c.bias)};
}
template <class S>
__device__ inline rational::Pull<S> poly_narrow(const rational::Pull<double>& k) {
  return {S(k.first), S(k.third), S(k.fifth)};
}

template <class S, class E>
__device__ inline void poly_norm_row(const PolyParameters& p, double eps, std::int64_t n,
                                     const rational::RowSums& sums, const E* x, E* y) {
  const auto c =
      poly_narrow<S>(rational::row_cubic(rational::row_scale(sums, n, eps), p.weight, p.bias));
  for (std::int64_t i = threadIdx.x; i < n; i += kPolyThreads) {
    y[i] = write_as<E>(rational::cubic(c, read_as<S>(x[i])));
  }
}

template <class S, class E>
__device__ inline void poly_norm_row_backward(const PolyParameters& p, double eps, std::int64_t n,
                                              const rational::RowSums& sums, const E* grad,
                                              const E* x, E* dx, double* totals) {
  const rational::RowScale scale = rational::row_scale(sums, n, eps);
  const auto c = poly_narrow<S>(rational::row_cubic(scale, p.weight, p.bias));
  const auto k = poly_narrow<S>(rational::row_pull(scale, sums, p.weight, n));
  for (std::int64_t i = threadIdx.x; i < n; i += kPolyThreads) {
    const S a = read_as<S>(x[i]), g = read_as<S>(grad[i]);
    dx[i] = write_as<E>(S(fma(g, rational::cubic_slope(c, a), -rational::pull(k, a))));
  }
  for (int q = 0; q < 3; ++q) totals[q] += scale.r[2 - q] * sums.with_grad[3 - q];
  totals[3] += sums.with_grad[0];
}

// Whether float had the room for x^6 in this row (the bound of csrc/rational/poly.level.cpp).
__device__ inline bool poly_fits_float(const rational::RowSums& sums, std::int64_t n) {
  return sums.even[2] < 1e36 * static_cast<double>(n < 1024 ? n : 1024);
}

template <class E>
__global__ void __launch_bounds__(kPolyThreads)
    poly_norm_forward(const PolyParameters* parameters, double eps, std::int64_t rows,
                      std::int64_t n, const E* x_all, E* y_all) {
  using S = compute_type<E>;
  __shared__ double of_warps[kPolyThreads / 32], broadcast[7];
  const PolyParameters p = *parameters;
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const E* x = x_all + row * n;
    E* y = y_all + row * n;
    rational::RowSums sums = poly_row_sums<S, false>(x, x, n, of_warps, broadcast);
    if (sizeof(S) == 4 && !poly_fits_float(sums, n)) {
      sums = poly_row_sums<double, false>(x, x, n, of_warps, broadcast);
      poly_norm_row<double>(p, eps, n, sums, x, y);
    } else {
      poly_norm_row<S>(p, eps, n, sums, x, y);
    }
  }
}

template <class E>
__global__ void __launch_bounds__(kPolyThreads)
    poly_norm_backward(const PolyParameters* parameters, double eps, std::int64_t rows,
                       std::int64_t n, const E* grad_all, const E* x_all, E* dx_all,
                       double* partial) {
  using S = compute_type<E>;
  __shared__ double of_warps[kPolyThreads / 32], broadcast[7];
  const PolyParameters p = *parameters;
  double totals[4] = {};
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const E *x = x_all + row * n, *grad = grad_all + row * n;
    E* dx = dx_all + row * n;
    rational::RowSums sums = poly_row_sums<S, true>(x, grad, n, of_warps, broadcast);
    if (sizeof(S) == 4 && !poly_fits_float(sums, n)) {
      sums = poly_row_sums<double, true>(x, grad, n, of_warps, broadcast);
      poly_norm_row_backward<double>(p, eps, n, sums, grad, x, dx, totals);
    } else {
      poly_norm_row_backward<S>(p, eps, n, sums, grad, x, dx, totals);
    }
  }
  if (threadIdx.x == 0) {  // every thread holds the same totals
    for (int k = 0; k < 4; ++k) partial[std::int64_t{blockIdx.x} * 4 + k] = totals[k];
  }
}

// max(x, 0) that keeps nan.
template <class S>
__device__ inline S poly_positive_part(S x) {
  return x < S(0) ? S(0) : x;
}

template <class E>
__global__ void __launch_bounds__(kPolyThreads)
    poly_relu_forward(const PolyParameters* parameters, std::int64_t count, const E* x, E* y) {
  using S = compute_type<E>;
  const PolyParameters p = *parameters;
  const auto c =
      poly_narrow<S>(rational::Cubic<double>{p.weight[2], p.weight[1], p.weight[0], p.bias});
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kPolyThreads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * kPolyThreads + threadIdx.x; i < count;
       i += step) {
    y[i] = write_as<E>(rational::cubic(c, poly_positive_part(read_as<S>(x[i]))));
  }
}

template <class E>
__global__ void __launch_bounds__(kPolyThreads)
    poly_relu_backward(const PolyParameters* parameters, std::int64_t count, const E* grad,
                       const E* x, E* dx, double* partial) {
  using S = compute_type<E>;
  __shared__ double of_warps[kPolyThreads / 32];
  const PolyParameters p = *parameters;
  const auto c =
      poly_narrow<S>(rational::Cubic<double>{p.weight[2], p.weight[1], p.weight[0], p.bias});
  S sums[4] = {};
  const std::int64_t begin = std::int64_t{blockIdx.x} * kPolyStretch;
  const std::int64_t end = begin + kPolyStretch < count ? begin + kPolyStretch : count;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kPolyThreads) {
    const S a = read_as<S>(x[i]), g = read_as<S>(grad[i]);
    const S q = poly_positive_part(a), gq = g * q, gq2 = gq * q;
    sums[0] += gq2 * q;
    sums[1] += gq2;
    sums[2] += gq;
    sums[3] += g;
    dx[i] = write_as<E>(a > S(0) ? g * rational::cubic_slope(c, q) : a <= S(0) ? S(0) : a);
  }
  for (int k = 0; k < 4; ++k) {
    const double total = block_sum<kPolyThreads>(static_cast<double>(sums[k]), of_warps);
    if (threadIdx.x == 0) partial[std::int64_t{blockIdx.x} * 4 + k] = total;
  }
}

}  // namespace longtail::cuda
