// The transforms of fft_level.h, compiled once per CPU level.
#include "longconv/fft_passes.h"

// After what opens the level's namespace.
#include "longconv/fft_level.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {
namespace {

template <class T>
using Spectrum = const scalar_t<T>*;

/// Calls visit(offset of a vector's parts in a spectrum) for each vector of a last block.
template <class T, class Visit>
LONGTAIL_INLINE void each_vector(std::int64_t first, const Visit& visit) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; ++i) visit(i, 2 * (first + std::int64_t{i} * kLanes<T>));
}

template <class T, class S = scalar_t<T>>
void transform(const FftPlan& plan, const S* a, const S* b, S scale, S* work, S* spectrum) {
  const Row<T> row = {work, work + plan.size};
  with_radix(plan.pass[0].radix, [&](auto radix) {
    constexpr int R = decltype(radix)::value;
    if (b == nullptr) {
      enter<R, T>(plan, [&](std::int64_t n) { return load<T>(a + n); }, row);
    } else {
      enter<R, T>(
          plan, [&](std::int64_t n) { return Complex<T>{load<T>(a + n), -load<T>(b + n)}; }, row);
    }
  });
  const T factor = T(scale);
  visit_blocks<true, false>(plan, 0, 0, row, [&](std::int64_t first, Complex<T>(&z)[kLanes<T>]) {
    each_vector<T>(first, [&](int i, std::int64_t at) {
      store_pair<T>(spectrum + at, {z[i].re * factor, z[i].im * factor});
    });
  });
}

template <class T, class S = scalar_t<T>>
void back_to_row(const FftPlan& plan, Row<T> row, S* out, S* tail) {
  with_radix(plan.pass[0].radix, [&](auto radix) {
    constexpr int R = decltype(radix)::value;
    if (tail == nullptr) {
      leave<R, T>(plan, row, [&](std::int64_t n, const Complex<T>& z) { store(out + n, z.re); });
    } else {
      leave<R, T>(plan, row, [&](std::int64_t n, const Complex<T>& z) {
        store(out + n, z.re);
        store(tail + n, -z.im);
      });
    }
  });
}

template <class T, class S = scalar_t<T>>
void convolve(const FftPlan& plan, const S* a, const S* spectrum, S* work, S* out, S* tail,
              const S* ahead) {
  const Row<T> row = {work, work + plan.size};
  with_radix(plan.pass[0].radix, [&](auto radix) {
    enter<decltype(radix)::value, T>(plan, [&](std::int64_t n) { return load<T>(a + n); }, row);
  });
  visit_blocks<true, true>(plan, 0, 0, row, [&](std::int64_t first, Complex<T>(&z)[kLanes<T>]) {
    each_vector<T>(first, [&](int i, std::int64_t at) {
      // A few at a time, as all at once wait for each other: 9.8 instead of 12 ms for 2048 rows of
      // 4096 numbers, which take 14.5 without.
      if (ahead != nullptr) __builtin_prefetch(ahead + at / 2);
      z[i] = load_pair<T>(spectrum + at) * z[i];
    });
  });
  back_to_row<T>(plan, row, out, tail);
}

template <class T, class S = scalar_t<T>>
void inverse(const FftPlan& plan, const S* spectrum, S* work, S* out, S* tail) {
  const Row<T> row = {work, work + plan.size};
  visit_blocks<false, true>(plan, 0, 0, row, [&](std::int64_t first, Complex<T>(&z)[kLanes<T>]) {
    each_vector<T>(first, [&](int i, std::int64_t at) { z[i] = load_pair<T>(spectrum + at); });
  });
  back_to_row<T>(plan, row, out, tail);
}

template <class T, class S = scalar_t<T>>
void multiply(std::int64_t size, const S* u, const S* k, S* out) {
  for (std::int64_t n = 0; n < 2 * size; n += 2 * kLanes<T>) {
    store_pair<T>(out + n, load_pair<T>(u + n) * load_pair<T>(k + n));
  }
}

template <class T, class S = scalar_t<T>>
void correlate(std::int64_t size, const S* u, const S* k, const S* z, S* sum, bool add, S* to) {
  for (std::int64_t n = 0; n < 2 * size; n += 2 * kLanes<T>) {
    const Complex<T> value = load_pair<T>(z + n);
    store_pair<T>(sum + n, load_pair<T>(sum + n) + conjugate_times(load_pair<T>(u + n), value));
    Complex<T> product = conjugate_times(load_pair<T>(k + n), value);
    if (add) product = load_pair<T>(to + n) + product;
    store_pair<T>(to + n, product);
  }
}

template <class S>
constexpr FftKernels<S> fft_kernels() {
  using T = native<S>;
  return {kLanes<T>, transform<T>, convolve<T>, inverse<T>, multiply<T>, correlate<T>};
}

}  // namespace

extern const FftKernels<float> kFloatFft;
extern const FftKernels<double> kDoubleFft;
const FftKernels<float> kFloatFft = fft_kernels<float>();
const FftKernels<double> kDoubleFft = fft_kernels<double>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
