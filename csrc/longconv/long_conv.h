#pragma once
// Long convolutions of rows of plain memory.
//
//   x[b, h, n]    = gate_in[b, h, n] u[b, h, n];  the state gives x at n = -(K - 1) ... -1
//   conv          = sum over j < K of k[c, h, j] x[n - j] + sum over j < R of k_rev[c, h, j] x[n +
//   1 + j] y[b, c, h, n] = gate_out[b, c, h, n] (conv + skip[c, h] x[b, h, n]),       0 <= n < L
//
// with x = 0 where it is not given. All arrays are contiguous. Rows are of any element type; taps
// (k, k_rev, skip) of the same, or float32 beside narrower rows. float64 is computed in float64,
// all others in float32, and rounded once.
//
// By the transforms of fft_plan.h, of one of two shapes:
//   whole    one transform of N >= L points a row: lags wrap around, K and R up to L
//   blocks   transforms of N >= K + R points, whose results overlap: for K + R well below L, and
//            wherever there is a state
//
// Largest measured error relative to the norm of a row, N(0, 1) inputs, K = L: float32 4e-7 to
// 2^20, float64 1e-14; float16 and bfloat16 round the result once. The error is one of the whole
// row: small results beside large ones have that of the large.

#include <cstdint>
#include <string>

#include "core/check.h"
#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::longconv {

struct ConvShape {
  std::int64_t batch, heads, outputs;  // B, H, C
  std::int64_t length;                 // L
  std::int64_t taps, taps_before;      // K, R
  bool state;
};
struct ConvTypes {
  DType rows, taps;
};
/// Throws std::invalid_argument for taps that are read as something else beside such rows.
inline void check_conv_types(const char* function, const char* taps, const ConvTypes& types) {
  check_argument(
      types.taps == types.rows || (types.taps == DType::float32 && types.rows != DType::float64),
      function, taps, "of dtype " + std::string(to_string(types.taps)),
      "the dtype of the rows, " + std::string(to_string(types.rows)) +
          ", or float32 beside narrower ones");
}

/// Points of a transform, and whether it is a whole one.
struct ConvPlan {
  std::int64_t size;
  bool whole;
};
ConvPlan conv_plan(const ConvShape& shape, DType rows);

/// Doubles (of float64 rows) or floats in the spectra [C, H, ...] of the taps.
std::int64_t spectrum_size(const ConvShape& shape, DType rows);

/// What a call reads; null where it is not given. The spectrum is of conv_spectrum for this shape.
struct ConvInputs {
  const void *u, *spectrum, *skip, *gate_in, *gate_out, *state;
};
/// Gradients of all of them; null where they are not wanted.
struct ConvGradients {
  void *u, *taps, *taps_before, *skip, *gate_in, *state;
};

void conv_spectrum(const ConvShape& shape, const ConvTypes& types, const void* k, const void* k_rev,
                   void* spectrum, const ParallelFor& parallel_for = {});

void long_conv(const ConvShape& shape, const ConvTypes& types, const ConvInputs& inputs, void* y,
               const ParallelFor& parallel_for = {});

/// Gradients of the sum of grad y, but for that of gate_out: that is long_conv with grad in its
/// place.
void long_conv_backward(const ConvShape& shape, const ConvTypes& types, const ConvInputs& inputs,
                        const void* grad, const ConvGradients& gradients,
                        const ParallelFor& parallel_for = {});

}  // namespace longtail::longconv
