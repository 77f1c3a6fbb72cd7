// Group rationals on CUDA. blockIdx.y is the group, whose coefficients every thread keeps in
// registers; the threads of a group share its elements, all [outer, run] of them.
//
// Coefficient gradients: a block always takes the same elements, adds them up in a fixed order and
// leaves its float64 sums in memory; a second kernel adds the blocks' sums in order. No atomics, so
// the same bits on every run and on every GPU.
#pragma once

#include "cuda/core/element_type.h"
#include "cuda/core/reduce.cuh"
#include "cuda/rational/launch.h"
#include "rational/far_point.h"

namespace longtail::cuda {

constexpr int kRationalThreads = 256;
constexpr int kRationalTerms = 64;  // elements a thread adds up before its sums become float64

// One group's coefficients in the computing type and, for far elements, in double.
template <rational::Version V, int M, int N, class S>
struct GroupCoefficients {
  rational::Coefficients<M, N, S> near_zero;
  double a[M + 1], b[N];

  __device__ explicit GroupCoefficients(const double* row) {
    for (int i = 0; i <= M; ++i) {
      a[i] = row[i];
      near_zero.a[i] = static_cast<S>(a[i]);
    }
    for (int j = 0; j < N; ++j) {
      const double value = row[rational::kMaxNumerator + 1 + j];
      b[j] = V == rational::Version::A && value < 0 ? -value : value;
      near_zero.b[j] = static_cast<S>(b[j]);
    }
  }
};

template <class S>
__device__ inline S safe_argument() {
  return static_cast<S>(sizeof(S) == 8 ? 0x1p100 : 64.0);
}

// Walks the elements of group blockIdx.y that belong to this thread, `count` of them at most,
// without a division for each: visit(offset of the element in x).
template <class Visit>
__device__ inline void walk_group(const RationalParams& params, std::int64_t start,
                                  std::int64_t step, std::int64_t end, const Visit& visit) {
  const std::int64_t group = static_cast<std::int64_t>(blockIdx.y) * params.run;
  const std::int64_t row_size = params.groups * params.run;
  const std::int64_t rows_of_step = step / params.run, rest_of_step = step % params.run;
  std::int64_t row = start / params.run, at = start % params.run;
  for (std::int64_t i = start; i < end; i += step) {
    visit(row * row_size + group + at);
    row += rows_of_step;
    at += rest_of_step;
    if (at >= params.run) {
      at -= params.run;
      ++row;
    }
  }
}

template <class E, rational::Version V, int M, int N>
__global__ void __launch_bounds__(kRationalThreads)
    rational_forward(const RationalParams params, const double* table, const E* x, E* y) {
  using S = compute_type<E>;
  const GroupCoefficients<V, M, N, S> c(table + blockIdx.y * rational::kSlots);
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int64_t start = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  walk_group(params, start, step, params.outer * params.run, [&](std::int64_t i) {
    const S at = read_as<S>(x[i]);
    const bool safe = abs(at) <= safe_argument<S>();
    const S value =
        safe ? rational::point<V, M, N, false>(c.near_zero, at).y
             : static_cast<S>(rational::far_point<V, M, N>(c.a, c.b, static_cast<double>(at)).y);
    y[i] = write_as<E>(value);
  });
}

template <class E, rational::Version V, int M, int N>
__global__ void __launch_bounds__(kRationalThreads)
    rational_backward(const RationalParams params, const double* table, const E* grad, const E* x,
                      E* dx, double* partial) {
  using S = compute_type<E>;
  const GroupCoefficients<V, M, N, S> c(table + blockIdx.y * rational::kSlots);
  S sums[M + 1 + N] = {};
  double far_sums[M + 1 + N] = {};
  const std::int64_t block_begin =
      static_cast<std::int64_t>(blockIdx.x) * kRationalThreads * kRationalTerms;
  const std::int64_t all = params.outer * params.run;
  const std::int64_t wanted = block_begin + kRationalThreads * kRationalTerms;
  const std::int64_t block_end = wanted < all ? wanted : all;
  walk_group(params, block_begin + threadIdx.x, kRationalThreads, block_end, [&](std::int64_t i) {
    const S at = read_as<S>(x[i]), g = read_as<S>(grad[i]);
    if (abs(at) <= safe_argument<S>()) {
      const auto p = rational::point<V, M, N, true>(c.near_zero, at);
      S term = g * p.inverse;
      dx[i] = write_as<E>(term * p.scaled_slope);
      const S z = V == rational::Version::A ? abs(at) : at;
      S inner = -(term * p.y) * p.inner_sign * z;
      for (int k = 0; k <= M; ++k) {
        sums[k] += term;
        term *= at;
      }
      for (int j = 0; j < N; ++j) {
        sums[M + 1 + j] += inner;
        inner *= z;
      }
    } else {
      const double far_x = static_cast<double>(at), far_g = static_cast<double>(g);
      const auto p = rational::far_point<V, M, N>(c.a, c.b, far_x);
      const double side = rational::sign_or_one(far_x);
      dx[i] = write_as<E>(static_cast<S>(far_g * p.slope));
      for (int k = 0; k <= M; ++k) far_sums[k] += far_g * p.over_q[k] * (k % 2 ? side : 1.0);
      for (int j = 1; j <= N; ++j) {
        const double odd = V == rational::Version::B && j % 2 ? side : 1.0;
        far_sums[M + j] -= far_g * p.inner_sign * odd * p.y * p.over_q[j];
      }
    }
  });

  __shared__ double of_warps[kRationalThreads / 32];
  double* out =
      partial + (static_cast<std::int64_t>(blockIdx.y) * gridDim.x + blockIdx.x) * rational::kSlots;
  for (int k = 0; k <= M + N; ++k) {
    const double total =
        block_sum<kRationalThreads>(static_cast<double>(sums[k]) + far_sums[k], of_warps);
    // |b| in version A: its derivative is the sign of b.
    const int slot = k <= M ? k : rational::kMaxNumerator + k - M;
    const bool flip =
        V == rational::Version::A && k > M && table[blockIdx.y * rational::kSlots + slot] < 0;
    if (threadIdx.x == 0) out[slot] = flip ? -total : total;
  }
}

}  // namespace longtail::cuda
