#pragma once
// The arithmetic of cache codes, for scalars, vectors and CUDA; every step is one float32
// operation, so that an emulation in torch gives the same codes bit for bit.
//
//   scale = max((max - min) / (2^bits - 1), max|x| / reach, 2^-100), rounded up to a bfloat16
//   zero  = floor(min / scale / unit) * unit, a signed 16-bit multiple of `unit`
//   code  = rint(x / scale - zero), between 0 and 2^bits - 1
//   x     ~ scale * (code + zero)
//
// with unit = 1/8 and reach = 4000 for 4 bits, 1/2 and 16000 for 8 bits. Division by the scale is a
// product with its inverse. Valid for finite x up to 1e36: nothing overflows, and an error is at
// most half a scale. Values below 2^-100 come back as 0. `reach` is what zero can express: where a
// group's spread is less than max|x| / 267 (4 bits) or / 63 (8 bits), its magnitude sets the scale.

#include "attention/cache_layout.h"
#include "core/simd.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {

/// Of codes. Less than that, of anything, is not told from zero.
inline constexpr float kSmallestScale = 0x1p-100f;

template <int Bits>
struct CodeFormat {
  static_assert(Bits == 4 || Bits == 8);
  static constexpr int kPerWord = 32 / Bits;
  static constexpr std::int32_t kLargest = (1 << Bits) - 1;
  /// Codes that a shift and this mask leave in a word: what a dot product takes at a time.
  static constexpr int kPerLane = kPerWord / 2;
  static constexpr std::int32_t kLaneMask = Bits == 4 ? 0x0f0f0f0f : 0x00ff00ff;
  static constexpr float kUnit = Bits == 4 ? 0.125f : 0.5f;
  static constexpr float kReach = Bits == 4 ? 4000.0f : 16000.0f;
  static constexpr float kCentre = kLargest / 2.0f;
};

/// The bit of code i in its word.
template <int Bits>
LONGTAIL_INLINE constexpr int code_shift(int i) {
  constexpr int lane = CodeFormat<Bits>::kPerLane;
  return 32 / lane * (i % lane) + Bits * (i / lane);
}

template <class T>
struct Grid {
  T inverse, zero;
  int_t<T> word;
};

template <int Bits, Real T>
LONGTAIL_INLINE Grid<T> make_grid(T lowest, T highest) {
  using Format = CodeFormat<Bits>;
  const T step = highest / T(float(Format::kLargest)) - lowest / T(float(Format::kLargest));
  const T reach = max(abs(lowest), abs(highest)) / T(Format::kReach);
  const T wanted = max(max(step, reach), T(kSmallestScale));
  // Up to the next bfloat16: a carry runs into the exponent as it should.
  const int_t<T> scale = (bits(wanted) + 0xffff) & ~0xffff;
  const T inverse = T(1.0f) / T(from_bits(scale));
  const T steps = floor(T(lowest * inverse * T(1.0f / Format::kUnit)));
  return {inverse, steps * T(Format::kUnit), scale | (to_int(steps) & 0xffff)};
}

template <int Bits, Real T>
LONGTAIL_INLINE int_t<T> encode(const Grid<T>& grid, T x) {
  const T place = rint(T(x * grid.inverse - grid.zero));
  return to_int(T(min(max(place, T(0.0f)), T(float(CodeFormat<Bits>::kLargest)))));
}

/// What a grid's word holds.
template <Real T>
LONGTAIL_INLINE T grid_scale(int_t<T> word) {
  return from_bits(int_t<T>(word & ~0xffff));
}
template <int Bits, Real T>
LONGTAIL_INLINE T grid_zero(int_t<T> word) {
  return T(to_real(int_t<T>((word << 16) >> 16))) * T(CodeFormat<Bits>::kUnit);
}

/// zero + kCentre: the zero of codes that are counted from the middle of their range.
template <int Bits, Real T>
LONGTAIL_INLINE T centred_zero(int_t<T> word) {
  return fma(T(to_real(int_t<T>((word << 16) >> 16))), T(CodeFormat<Bits>::kUnit),
             T(CodeFormat<Bits>::kCentre));
}

/// Hadamard transform of x[0, size), a power of two, in place: butterflies over 1, 2, 4, ...
/// neighbours, then a factor of 1 / sqrt(size).
LONGTAIL_INLINE void rotate(float* x, int size) {
  for (int h = 1; h < size; h *= 2) {
    for (int i = 0; i < size; i += 2 * h) {
      for (int j = i; j < i + h; ++j) {
        const float a = x[j], b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
    }
  }
  const float factor = float(1.0 / sqrt(double(size)));
  for (int i = 0; i < size; ++i) x[i] *= factor;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
