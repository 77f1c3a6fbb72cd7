// The states and adjoint states of s4d_backward_level.h, compiled once per CPU level: lanes are
// states, all arithmetic in double.
#include "core/multiply.h"
#include "longconv/s4d_lanes.h"

// After what opens the level's namespace.
#include "longconv/s4d_backward_level.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {
namespace {

using D = native<double>;

/// A vector of complex numbers from planar memory.
struct Pair {
  D re, im;
};
template <class S>
LONGTAIL_INLINE Pair take(const S* planar, std::int64_t padded) {
  return {load_states<D>(planar), load_states<D>(planar + padded)};
}
template <class S>
LONGTAIL_INLINE void put(S* planar, std::int64_t padded, const Pair& a) {
  store_states(planar, a.re);
  store_states(planar + padded, a.im);
}
LONGTAIL_INLINE Pair zero() { return {D(0.0), D(0.0)}; }
/// a b + c.
LONGTAIL_INLINE Pair product_plus(const Pair& a, const Pair& b, const Pair& c) {
  return {fma(a.re, b.re, D(fma(D(-a.im), b.im, c.re))), fma(a.re, b.im, D(fma(a.im, b.re, c.im)))};
}
LONGTAIL_INLINE Pair product_plus(const Pair& a, const D& b, const Pair& c) {
  return {fma(a.re, b, c.re), fma(a.im, b, c.im)};
}
LONGTAIL_INLINE void add_to(double* planar, std::int64_t padded, const Pair& a) {
  store(planar, D(load<D>(planar) + a.re));
  store(planar + padded, D(load<D>(planar + padded) + a.im));
}

template <class S>
void states(std::int64_t padded, std::int64_t blocks, const double* power, const double* drive,
            const S* added, double* x, S* before) {
  for (std::int64_t n = 0; n < padded; n += kLanes<D>) {
    const Pair a = take(power + n, padded), b = take(drive + n, padded);
    Pair now = take(x + n, padded);
    for (std::int64_t i = 0; i < blocks; ++i) {
      const std::int64_t at = 2 * i * padded + n;
      if (before) put(before + at, padded, now);
      now = product_plus(a, now, product_plus(b, take(added + at, padded), zero()));
    }
    put(x + n, padded, now);
  }
}

template <class S>
void adjoint(const S4dBlockStates<S>& of, double* z) {
  const std::int64_t padded = of.padded;
  for (std::int64_t n = 0; n < padded; n += kLanes<D>) {
    const Pair a = take(of.power + n, padded);
    Pair now = take(z + n, padded);
    for (std::int64_t i = of.blocks - 1; i >= 0; --i) {
      const std::int64_t at = 2 * i * padded + n;
      put(of.z + at, padded, now);
      Pair comes = zero();
      for (std::int64_t c = 0; c < of.outputs; ++c) {
        comes = product_plus(take(of.readout + 2 * c * padded + n, padded),
                             take(of.q + 2 * c * of.blocks * padded + at, padded), comes);
      }
      now = product_plus(a, now, comes);
    }
    put(z + n, padded, now);
  }
}

template <class S>
void products(const S4dBlockStates<S>& of, double* sums) {
  const std::int64_t padded = of.padded, width = 2 * padded;
  for (std::int64_t n = 0; n < padded; n += kLanes<D>) {
    Pair xz = zero(), zv = zero(), zs = zero();
    for (std::int64_t i = 0; i < of.blocks; ++i) {
      const std::int64_t at = i * width + n;
      const Pair z = take(of.z + at, padded);
      xz = product_plus(take(of.x + at, padded), z, xz);
      zv = product_plus(take(of.v + at, padded), z, zv);
      zs = product_plus(take(of.v_slopes + at, padded), z, zs);
    }
    add_to(sums + n, padded, xz);
    add_to(sums + width + n, padded, zv);
    add_to(sums + 2 * width + n, padded, zs);
    for (std::int64_t c = 0; c < of.outputs; ++c) {
      Pair xq = zero(), xs = zero();
      for (std::int64_t i = 0; i < of.blocks; ++i) {
        const std::int64_t at = i * width + n, of_c = c * of.blocks * width + at;
        const Pair x = take(of.x + at, padded);
        xq = product_plus(take(of.q + of_c, padded), x, xq);
        xs = product_plus(take(of.q_slopes + of_c, padded), x, xs);
      }
      double* const to = sums + (kSumsOfBlocks + kSumsOfResult * c) * width + n;
      add_to(to, padded, xq);
      add_to(to + width, padded, xs);
    }
  }
}

template <class S>
void tail_states(const S4dTail<S>& of, double* x) {
  const std::int64_t padded = of.padded;
  for (std::int64_t n = 0; n < padded; n += kLanes<D>) {
    const Pair a = take(of.base + n, padded), b = take(of.drive + n, padded);
    Pair now = take(x + n, padded);
    put(of.memory + n, padded, now);
    for (std::int64_t t = 0; t < of.count; ++t) {
      now = product_plus(a, now, product_plus(b, D(static_cast<double>(of.u[t])), zero()));
      put(of.memory + 2 * (t + 1) * padded + n, padded, now);
    }
    put(x + n, padded, now);
  }
}

template <class S>
void tail_adjoint(const S4dTail<S>& of, double* z, double* du, double* sums) {
  const std::int64_t padded = of.padded, width = 2 * padded;
  for (std::int64_t t = 0; t < of.count; ++t) du[t] = 0;
  for (std::int64_t n = 0; n < padded; n += kLanes<D>) {
    const Pair a = take(of.base + n, padded), b = take(of.drive + n, padded);
    Pair later = take(z + n, padded), px = zero(), pu = zero();
    for (std::int64_t t = of.count - 1; t >= 0; --t) {
      Pair p = later;
      for (std::int64_t c = 0; c < of.outputs; ++c) {
        const D grad(static_cast<double>(of.grad[c * of.stride + t]));
        p = product_plus(take(of.readout + c * width + n, padded), grad, p);
        if (sums) {
          const Pair x = take(of.memory + (t + 1) * width + n, padded);
          add_to(sums + (2 + c) * width + n, padded, product_plus(x, grad, zero()));
        }
      }
      du[t] += sum_of_lanes(D(fma(b.re, p.re, D(-(b.im * p.im)))));
      if (sums) {
        px = product_plus(p, take(of.memory + t * width + n, padded), px);
        pu = product_plus(p, D(static_cast<double>(of.u[t])), pu);
      }
      later = product_plus(a, p, zero());
    }
    put(z + n, padded, later);
    if (sums) {
      add_to(sums + n, padded, px);
      add_to(sums + width + n, padded, pu);
    }
  }
}

template <class S>
constexpr S4dBackwardKernels<S> kernels() {
  return {states<S>, adjoint<S>, products<S>, tail_states<S>, tail_adjoint<S>};
}

}  // namespace

extern const S4dBackwardKernels<float> kS4dBackwardFloat;
extern const S4dBackwardKernels<double> kS4dBackwardDouble;
const S4dBackwardKernels<float> kS4dBackwardFloat = kernels<float>();
const S4dBackwardKernels<double> kS4dBackwardDouble = kernels<double>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
