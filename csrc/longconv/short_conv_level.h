#pragma once
// Rows of short_conv.h, compiled per CPU level (short_conv.level.cpp).

#include "core/cpu_level.h"
#include "core/elementwise.h"

namespace longtail::longconv {

template <class S>
struct ShortConvRow {
  std::int64_t length;
  std::int64_t width;  // W
  bool silu;
  const S* taps;
  S bias;
  const void *u, *state;  // state may be null
};

/// Rows of one number each, by kStepRows channels of one batch: item i is the channels from
/// i / batch * kStepRows of batch i % batch, so that a range of items turns taps once.
inline constexpr std::int64_t kStepRows = 16;

template <class S>
struct ShortConvSteps {
  std::int64_t batch, heads, width;
  bool silu;
  const S *taps, *bias;
  const void *u, *state;  // state may be null
};

template <class S>
struct ShortConvKernels {
  void (*forward)(const ShortConvRow<S>& row, void* y);

  /// The bits of forward for the items [begin, end); next is null or gets the states behind.
  void (*steps)(const ShortConvSteps<S>& steps, std::int64_t begin, std::int64_t end, void* y,
                void* next);

  /// du, dstate unless that is null, and what is added to totals: gradients of the W taps and of
  /// the bias.
  void (*backward)(const ShortConvRow<S>& row, const void* grad, void* du, void* dstate,
                   double* totals);
};

/// By element type: float64 computes in double, the others in float.
struct AllShortConvKernels {
  ShortConvKernels<double> float64;
  ShortConvKernels<float> narrow[3];  // float32, float16, bfloat16
};

LONGTAIL_DECLARE_PER_LEVEL(AllShortConvKernels, kShortConvKernels)

}  // namespace longtail::longconv
