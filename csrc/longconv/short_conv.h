#pragma once
// Short causal convolutions of rows of plain memory, each channel by itself.
//
//   a[b, h, n] = bias[h] + sum over t < W of w[h, t] x[b, h, n - (W - 1) + t],    0 <= n < L
//   y = a, or silu(a) = a / (1 + e^-a)
//
// where x is u, before it the state: x[n] = state[W - 1 + n] for n < 0, 0 where there is none.
// The last tap acts on the present, as in torch's conv1d with W - 1 zeros in front.
//
// All arrays are contiguous. Rows are of any element type; taps and bias of the same or float32.
// float64 is computed in float64, all others in float32, and rounded once. Every result is one sum
// in the order of the taps: its bits depend on nothing but what it is made of.

#include <cstdint>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::longconv {

inline constexpr std::int64_t kMostShortTaps = 128;

struct ShortConvShape {
  std::int64_t batch, heads, length, taps;  // B, H, L, W
  bool silu;
};
struct ShortConvTypes {
  DType rows, taps;
};

/// What a call reads; bias and state null where there is none.
struct ShortConvInputs {
  const void *u, *taps, *bias, *state;
};
/// Gradients of all of them; bias and state null where they are not wanted.
struct ShortConvGradients {
  void *u, *taps, *bias, *state;
};

void short_conv(const ShortConvShape& shape, const ShortConvTypes& types,
                const ShortConvInputs& inputs, void* y, const ParallelFor& parallel_for = {});

/// Gradients of the sum of grad y; a is computed anew.
void short_conv_backward(const ShortConvShape& shape, const ShortConvTypes& types,
                         const ShortConvInputs& inputs, const void* grad,
                         const ShortConvGradients& gradients, const ParallelFor& parallel_for = {});

}  // namespace longtail::longconv
