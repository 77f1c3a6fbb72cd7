#pragma once
// The vector vocabulary for plain double and float: the scalar CPU level and CUDA.
// Constants follow the first argument's type: `fma(x, 2.0, c)` with a float x computes in float.

#include <cstdint>
#include <type_traits>

#include "host_device.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

template <class T>
concept Scalar = std::is_same_v<T, double> || std::is_same_v<T, float>;

/// Whether fma() rounds once. Where false, fma(a, b, c) is a * b + c with two roundings, good for
/// polynomials; exact products come from two_prod() on every level.
#if defined(__CUDA_ARCH__) || defined(__FMA__) || defined(__aarch64__)
inline constexpr bool kHasFma = true;
#else
inline constexpr bool kHasFma = false;
#endif

template <class T>
using Same = std::type_identity_t<T>;

/// Signed integer as wide as a float type.
template <Scalar T>
using IntegerOf = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;

template <Scalar T>
LONGTAIL_INLINE T fma(T a, Same<T> b, Same<T> c) {
#if defined(__CUDA_ARCH__)
  return ::fma(a, b, c);
#else
  if constexpr (!kHasFma) {
    return a * b + c;
  } else if constexpr (sizeof(T) == 8) {
    return __builtin_fma(a, b, c);
  } else {
    return __builtin_fmaf(a, b, c);
  }
#endif
}

template <Scalar T>
LONGTAIL_INLINE T sqrt(T a) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == 8) {
    return __dsqrt_rn(a);
  } else {
    return __fsqrt_rn(a);
  }
#else
  return sizeof(T) == 8 ? T(__builtin_sqrt(a)) : T(__builtin_sqrtf(float(a)));
#endif
}

template <Scalar T>
LONGTAIL_INLINE T rint(T a) {
#if defined(__CUDA_ARCH__)
  return ::rint(a);
#else
  return sizeof(T) == 8 ? T(__builtin_rint(a)) : T(__builtin_rintf(float(a)));
#endif
}

template <Scalar T>
LONGTAIL_INLINE T floor(T a) {
#if defined(__CUDA_ARCH__)
  return ::floor(a);
#else
  return sizeof(T) == 8 ? T(__builtin_floor(a)) : T(__builtin_floorf(float(a)));
#endif
}

template <Scalar T>
LONGTAIL_INLINE IntegerOf<T> bits(T a) {
  return __builtin_bit_cast(IntegerOf<T>, a);
}
LONGTAIL_INLINE double from_bits(std::int64_t a) { return __builtin_bit_cast(double, a); }
LONGTAIL_INLINE float from_bits(std::int32_t a) { return __builtin_bit_cast(float, a); }

template <Scalar T>
LONGTAIL_INLINE T select(bool mask, T a, Same<T> b) {
  return mask ? a : b;
}
LONGTAIL_INLINE std::int64_t select(bool mask, std::int64_t a, std::int64_t b) {
  return mask ? a : b;
}
LONGTAIL_INLINE std::int32_t select(bool mask, std::int32_t a, std::int32_t b) {
  return mask ? a : b;
}
LONGTAIL_INLINE std::int64_t shift_right(std::int64_t a, int n) {  // fills with zeros
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) >> n);
}
LONGTAIL_INLINE std::int32_t shift_right(std::int32_t a, int n) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) >> n);
}
/// a + b modulo 2^64 (2^32), for bit patterns; plain + must not overflow.
LONGTAIL_INLINE std::int64_t add_bits(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
LONGTAIL_INLINE std::int32_t add_bits(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
LONGTAIL_INLINE bool any(bool mask) { return mask; }
LONGTAIL_INLINE bool all(bool mask) { return mask; }

/// Nearest integer; |a| < 2^51 (double) or 2^22 (float), otherwise unspecified.
template <Scalar T>
LONGTAIL_INLINE IntegerOf<T> to_int(T a) {
  return static_cast<IntegerOf<T>>(rint(a));
}
LONGTAIL_INLINE double to_real(std::int64_t a) { return static_cast<double>(a); }
LONGTAIL_INLINE float to_real(std::int32_t a) { return static_cast<float>(a); }

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
