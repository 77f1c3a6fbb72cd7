#pragma once
// What each CPU level compiles of the transforms (fft.level.cpp). A spectrum is 2 * plan.size
// numbers in an order of its own; `work` is as large. All memory is aligned to 64 bytes but that of
// rows.

#include "core/cpu_level.h"
#include "longconv/fft_plan.h"

namespace longtail::longconv {

template <class S>
struct FftKernels {
  int lanes;

  /// The spectrum of a[0 ... N - 1] and, unless null, a[N ... 2 N - 1] = b, times `scale`.
  void (*transform)(const FftPlan&, const S* a, const S* b, S scale, S* work, S* spectrum);

  /// Numbers 0 ... N - 1 of the product of a row and what has the spectrum, which must have been
  /// scaled by 1 / N; to `tail`, unless null, numbers N ... 2 N - 1. Meanwhile N numbers at
  /// `ahead`, unless null, are fetched into the cache.
  void (*convolve)(const FftPlan&, const S* a, const S* spectrum, S* work, S* out, S* tail,
                   const S* ahead);

  /// The way back of a spectrum.
  void (*inverse)(const FftPlan&, const S* spectrum, S* work, S* out, S* tail);

  /// out = u k.
  void (*multiply)(std::int64_t size, const S* u, const S* k, S* out);

  /// sum += conj(u) z, then to += conj(k) z, or without the sum if `add` is false; to may be z.
  void (*correlate)(std::int64_t size, const S* u, const S* k, const S* z, S* sum, bool add, S* to);
};

LONGTAIL_DECLARE_PER_LEVEL(FftKernels<float>, kFloatFft)
LONGTAIL_DECLARE_PER_LEVEL(FftKernels<double>, kDoubleFft)

}  // namespace longtail::longconv
