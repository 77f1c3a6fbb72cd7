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
  const Passes passes{log2_of(n / width)};
  int step = width;  // elements between the vectors of a butterfly
  for (int p = 0; p < passes.count(); ++p) {
    const int size = passes.size(p);
    with_vector_count(size, [&](auto vectors) {
      constexpr int count = decltype(vectors)::value;
      for (int block = 0; block < n; block += count * step) {
        for (int i = block; i < block + step; i += width) {
          float* const first = row + i;
          const auto from = [&](int v) { return load<T>(first + v * step); };
          const auto to = [&](int v, T a) { store(first + v * step, a); };
          if (p == 0) {
            butterfly_pass<count, width, T>(from, to);
          } else {
            butterfly_pass<count, 1, T>(from, to);
          }
        }
      }
    });
    step *= size;
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
