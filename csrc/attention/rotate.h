#pragma once
// A Hadamard rotation of one short row, for use inside other kernels.

#include "attention/butterfly.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// row <- H row with Sylvester's H of size n = 1, 2, 4, ..., 256, unscaled: stages h = 1, 2, 4, ...
/// of (a, b) -> (a + b, a - b) in float, bit for bit what the same stages of float32 tensors give,
/// on every level. For n below 256 the row lies in registers where the level has enough. A row is
/// padded with zeros and scaled by its caller.
inline void rotate_row(float* row, int n) {
  using T = native<float>;
  constexpr int width = kLanes<T>;
  if (n < width || width == 1) {
    for (int h = 1; h < n; h *= 2) {
      for (int i = 0; i < n; i += 2 * h) {
        for (int j = i; j < i + h; ++j) {
          const float low = row[j], high = row[j + h];
          row[j] = low + high;
          row[j + h] = low - high;
        }
      }
    }
    return;
  }
  const int count = n / width;
  if (count == 1) return butterfly_pass<1, true, T>(row, width);
  const int first = count < kButterflyVectors ? count : kButterflyVectors;
  with_vector_count(first, [&](auto vectors) {
    for (int i = 0; i < n; i += first * width) {
      butterfly_pass<decltype(vectors)::value, true, T>(row + i, width);
    }
  });
  for (int step = first * width; step < n;) {
    const int rest = n / step < kButterflyVectors ? n / step : kButterflyVectors;
    with_vector_count(rest, [&](auto vectors) {
      for (int block = 0; block < n; block += rest * step) {
        for (int i = block; i < block + step; i += width) {
          butterfly_pass<decltype(vectors)::value, false, T>(row + i, step);
        }
      }
    });
    step *= rest;
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
