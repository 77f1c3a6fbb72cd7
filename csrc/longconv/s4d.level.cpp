// The states of s4d_level.h from block to block, compiled once per CPU level: lanes are states.
#include "core/multiply.h"
#include "longconv/s4d_lanes.h"

// After what opens the level's namespace.
#include "longconv/s4d_level.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {
namespace {

using D = native<double>;

template <class S>
void carry(std::int64_t padded, std::int64_t count, const double* power, const S* added,
           std::int64_t stride, double* x, S* before, std::int64_t before_stride) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t n = 0; n < padded; n += kLanes<D>) {
      const D ar = load<D>(power + n), ai = load<D>(power + padded + n);
      const D re = load<D>(x + n), im = load<D>(x + padded + n);
      if (before) {
        store_states(before + n, re);
        store_states(before + padded + n, im);
      }
      D to_re = -(ai * im), to_im = ar * im;
      if (added) {
        to_re = to_re + load_states<D>(added + n);
        to_im = to_im + load_states<D>(added + padded + n);
      }
      store_states(x + n, D(fma(ar, re, to_re)));
      store_states(x + padded + n, D(fma(ai, re, to_im)));
    }
    if (added) added += stride;
    if (before) before += before_stride;
  }
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
