// The states of s4d_level.h from block to block, compiled once per CPU level: lanes are states.
#include "core/multiply.h"
#include "longconv/s4d_lanes.h"

// After what opens the level's namespace.
#include "longconv/s4d_level.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {
namespace {

using D = native<double>;

/// So many vectors of states from n on, in registers all the way.
template <int Vectors, class S>
LONGTAIL_INLINE void carry_vectors(std::int64_t n, std::int64_t padded, std::int64_t count,
                                   const double* power, const S* added, std::int64_t stride,
                                   double* x, S* before, std::int64_t before_stride) {
  D ar[Vectors], ai[Vectors], re[Vectors], im[Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    const std::int64_t at = n + v * kLanes<D>;
    ar[v] = load<D>(power + at), ai[v] = load<D>(power + padded + at);
    re[v] = load<D>(x + at), im[v] = load<D>(x + padded + at);
  }
  for (std::int64_t i = 0; i < count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const std::int64_t at = n + v * kLanes<D>;
      if (before) {
        store_states(before + i * before_stride + at, re[v]);
        store_states(before + i * before_stride + padded + at, im[v]);
      }
      D to_re = -(ai[v] * im[v]), to_im = ar[v] * im[v];
      if (added) {
        to_re = to_re + load_states<D>(added + i * stride + at);
        to_im = to_im + load_states<D>(added + i * stride + padded + at);
      }
      const D was = re[v];
      re[v] = fma(ar[v], was, to_re);
      im[v] = fma(ai[v], was, to_im);
    }
    if (i % 8 != 7) continue;
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      re[v] = without_dust<double>(re[v]);
      im[v] = without_dust<double>(im[v]);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    const std::int64_t at = n + v * kLanes<D>;
    store_states(x + at, re[v]);
    store_states(x + padded + at, im[v]);
  }
}

template <class S>
void carry(std::int64_t padded, std::int64_t count, const double* power, const S* added,
           std::int64_t stride, double* x, S* before, std::int64_t before_stride) {
  std::int64_t n = 0;
  const auto vectors = [&]<int Vectors>(std::integral_constant<int, Vectors>) {
    for (; n + Vectors * kLanes<D> <= padded; n += Vectors * kLanes<D>) {
      carry_vectors<Vectors>(n, padded, count, power, added, stride, x, before, before_stride);
    }
  };
  vectors(std::integral_constant<int, 4>{});
  vectors(std::integral_constant<int, 1>{});
}

template <class S>
void advance(std::int64_t padded, std::int64_t count, const double* base, const double* drive,
             const S* u, double* x) {
  for (std::int64_t t = 0; t < count; ++t) {
    const D input(static_cast<double>(u[t]));
    for (std::int64_t n = 0; n < padded; n += kLanes<D>) {
      const D ar = load<D>(base + n), ai = load<D>(base + padded + n);
      const D re = load<D>(x + n), im = load<D>(x + padded + n);
      const D to_re = fma(load<D>(drive + n), input, D(-(ai * im)));
      const D to_im = fma(load<D>(drive + padded + n), input, D(ar * im));
      store_states(x + n, D(fma(ar, re, to_re)));
      store_states(x + padded + n, D(fma(ai, re, to_im)));
    }
  }
}

template <class S>
constexpr S4dKernels<S> kernels() {
  // Real and imaginary parts together fill whole vectors of S.
  return {dense_kernels<S>(), kLanes<D>, carry<S>, advance<S>};
}

}  // namespace

extern const S4dKernels<float> kS4dFloat;
extern const S4dKernels<double> kS4dDouble;
const S4dKernels<float> kS4dFloat = kernels<float>();
const S4dKernels<double> kS4dDouble = kernels<double>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
