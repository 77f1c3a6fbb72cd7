// The bodies of the launches that depend on the element type.
#pragma once

#include <algorithm>

#include "cuda/core/launch.h"
#include "cuda/rational/kernels.cuh"

namespace longtail::cuda {

// Calls run.operator()<V, M, N>() for the version and the orders.
template <class Run>
void with_rational_kind(const RationalParams& params, const Run& run) {
  using rational::kMaxDenominator, rational::kMaxNumerator, rational::Version;
  if (params.version == 0) {
    params.padded ? run.template operator()<Version::A, kMaxNumerator, kMaxDenominator>()
                  : run.template operator()<Version::A, 5, 4>();
  } else {
    params.padded ? run.template operator()<Version::B, kMaxNumerator, kMaxDenominator>()
                  : run.template operator()<Version::B, 5, 4>();
  }
}

template <class E>
void launch_rational_forward(const RationalParams& params, const double* table, const E* x, E* y,
                             cudaStream_t stream) {
  const std::int64_t elements = params.outer * params.run;
  if (elements == 0 || params.groups == 0) return;
  const std::int64_t blocks = std::min<std::int64_t>(
      (elements + kRationalThreads * 4 - 1) / (kRationalThreads * 4), std::int64_t{1} << 20);
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(params.groups));
  with_rational_kind(params, [&]<rational::Version V, int M, int N>() {
    rational_forward<E, V, M, N><<<grid, kRationalThreads, 0, stream>>>(params, table, x, y);
  });
  check_launch("rational");
}

template <class E>
void launch_rational_backward(const RationalParams& params, const double* table, const E* grad,
                              const E* x, E* dx, double* partial, cudaStream_t stream) {
  if (params.outer * params.run == 0 || params.groups == 0) return;
  const dim3 grid(static_cast<unsigned>(rational_blocks(params)),
                  static_cast<unsigned>(params.groups));
  with_rational_kind(params, [&]<rational::Version V, int M, int N>() {
    rational_backward<E, V, M, N>
        <<<grid, kRationalThreads, 0, stream>>>(params, table, grad, x, dx, partial);
  });
  check_launch("rational_backward");
}

#define LONGTAIL_RATIONAL_OF(E)                                                                \
  template void launch_rational_forward<E>(const RationalParams&, const double*, const E*, E*, \
                                           cudaStream_t);                                      \
  template void launch_rational_backward<E>(const RationalParams&, const double*, const E*,    \
                                            const E*, E*, double*, cudaStream_t);

}  // namespace longtail::cuda
