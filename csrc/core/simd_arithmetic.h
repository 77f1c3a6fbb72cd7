#pragma once
// Vocabulary that is one formula for every T of simd.h: signs, minima, exponents, exact sums.

#include "simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// Format of E: stored mantissa bits, exponent bias, limits, and constants fitted to it.
template <class E>
struct Format;
template <>
struct Format<double> {
  static constexpr int mantissa_bits = 52;
  static constexpr std::int64_t bias = 1023;
  static constexpr std::int64_t sign = std::int64_t(1) << 63;
  static constexpr double infinity = __builtin_huge_val();
  static constexpr double nan = __builtin_nan("");
  static constexpr double epsilon = 0x1p-52;
  static constexpr double smallest_normal = 0x1p-1022;
  static constexpr double largest = 0x1.fffffffffffffp1023;
  static constexpr double round = 0x1.8p52;  // adding it rounds to an integer in the low bits
  static constexpr double dekker = 0x1p27 + 1;
  // ln 2 = high + low; high is so short that n * high is exact for every exponent n.
  static constexpr double ln2_high = 0x1.62e42fefa3800p-1;
  static constexpr double ln2_low = 0x1.ef35793c76730p-45;
};
template <>
struct Format<float> {
  static constexpr int mantissa_bits = 23;
  static constexpr std::int32_t bias = 127;
  static constexpr std::int32_t sign = std::int32_t(1) << 31;
  static constexpr float infinity = __builtin_huge_valf();
  static constexpr float nan = __builtin_nanf("");
  static constexpr float epsilon = 0x1p-23f;
  static constexpr float smallest_normal = 0x1p-126f;
  static constexpr float largest = 0x1.fffffep127f;
  static constexpr float round = 0x1.8p23f;
  static constexpr float dekker = 0x1p12f + 1;
  static constexpr float ln2_high = 0x1.62e4p-1f;
  static constexpr float ln2_low = 0x1.7f7d1cp-20f;
};
template <class T>
inline constexpr scalar_t<T> kInfinity = Format<scalar_t<T>>::infinity;
template <class T>
inline constexpr scalar_t<T> kNan = Format<scalar_t<T>>::nan;
template <class T>
inline constexpr scalar_t<T> kEpsilon = Format<scalar_t<T>>::epsilon;

template <Real T>
LONGTAIL_INLINE T abs(T a) {
  if constexpr (std::is_same_v<T, double>) return __builtin_fabs(a);
  if constexpr (std::is_same_v<T, float>) return __builtin_fabsf(a);
  return from_bits(bits(a) & ~Format<scalar_t<T>>::sign);
}
/// |a| with the sign bit of b.
template <Real T>
LONGTAIL_INLINE T copysign(T a, Same<T> b) {
  if constexpr (std::is_same_v<T, double>) return __builtin_copysign(a, b);
  if constexpr (std::is_same_v<T, float>) return __builtin_copysignf(a, b);
  constexpr auto sign = Format<scalar_t<T>>::sign;
  return from_bits((bits(a) & ~sign) | (bits(b) & sign));
}
/// The smaller; b where either is nan.
template <Real T>
LONGTAIL_INLINE T min(T a, Same<T> b) {
  return select(a < b, a, b);
}
/// The larger; b where either is nan.
template <Real T>
LONGTAIL_INLINE T max(T a, Same<T> b) {
  return select(a > b, a, b);
}
template <Real T>
LONGTAIL_INLINE mask_t<T> is_nan(T a) {
  return a != a;
}

/// 2^n for an integer n in the normal range of exponents.
template <Real T>
LONGTAIL_INLINE T exp2_int(int_t<T> n) {
  using F = Format<scalar_t<T>>;
  return from_bits(int_t<T>((n + F::bias) << F::mantissa_bits));
}

/// a * 2^n for |n| <= 2 * bias, in two factors of half the size. Rounded once wherever a * 2^(n/2)
/// is not subnormal; only a tiny a scaled further down may be rounded twice.
template <Real T>
LONGTAIL_INLINE T ldexp(T a, int_t<T> n) {
  const int_t<T> half = n >> 1;
  return a * exp2_int<T>(half) * exp2_int<T>(n - half);
}

/// 2^n for an integral real n in the normal range of exponents, by one addition and one shift.
template <Real T>
LONGTAIL_INLINE T exp2_real(T n) {
  using F = Format<scalar_t<T>>;
  constexpr scalar_t<T> offset = F::round + scalar_t<T>(F::bias);
  return from_bits(int_t<T>(bits(T(n + offset)) << F::mantissa_bits));
}

/// ldexp() for an integral real n; one instruction on AVX-512.
template <Real T>
LONGTAIL_INLINE T scale(T a, Same<T> n) {
  if constexpr (requires { T(lanes::scale(a.raw, n.raw)); }) {
    return lanes::scale(a.raw, n.raw);
  } else {
    const T half = rint(n * scalar_t<T>(0.5));
    return a * exp2_real(half) * exp2_real(T(n - half));
  }
}

/// A double or float taken apart: value = mantissa * 2^exponent (exponent as a real number).
template <class T>
struct Split {
  T mantissa;
  T exponent;
};
/// Splits a positive finite value (subnormals too) so that mantissa is in [sqrt(1/2), sqrt(2)).
template <Real T>
LONGTAIL_INLINE Split<T> split_exponent(T a) {
  using S = scalar_t<T>;
  using F = Format<S>;
  using I = IntegerOf<S>;
  constexpr S lift = S(I(1) << F::mantissa_bits);
  const mask_t<T> tiny = a < F::smallest_normal;
  const int_t<T> b = bits(select(tiny, a * lift, a));
  // Adding (1 - sqrt(1/2)) to the bits moves a mantissa >= sqrt(2) into the next exponent.
  constexpr I root = sizeof(S) == 8 ? I(0x3fe6a09e667f3bcd) : I(0x3f3504f3);
  constexpr I one = F::bias << F::mantissa_bits;
  constexpr I mantissa = (I(1) << F::mantissa_bits) - 1;
  const int_t<T> shifted = add_bits(b, one - root);  // nan may wrap around
  const T m = from_bits(int_t<T>((shifted & mantissa) + root));
  // The biased exponent as low bits of 2^52 (2^23) is a real number at once.
  constexpr S origin = S(I(1) << F::mantissa_bits);
  const int_t<T> biased = shift_right(shifted, F::mantissa_bits) | bits(T(origin));
  const T bias = select(tiny, T(origin + S(F::bias + F::mantissa_bits)), origin + S(F::bias));
  return {m, from_bits(biased) - bias};
}

// Exact transformations (Dekker 1971; Knuth, TAOCP 2, 4.2.2): hi + lo equals the operation without
// any error, hi is the rounded operation. On CUDA the intrinsics keep nvcc from contracting.

template <class T>
struct Pair {
  T hi;
  T lo;
};

#if defined(__CUDA_ARCH__)
LONGTAIL_INLINE double add_exactly_rounded(double a, double b) { return __dadd_rn(a, b); }
LONGTAIL_INLINE float add_exactly_rounded(float a, float b) { return __fadd_rn(a, b); }
LONGTAIL_INLINE double multiply_exactly_rounded(double a, double b) { return __dmul_rn(a, b); }
LONGTAIL_INLINE float multiply_exactly_rounded(float a, float b) { return __fmul_rn(a, b); }
#else
template <class T>
LONGTAIL_INLINE T add_exactly_rounded(T a, T b) {
  return a + b;
}
template <class T>
LONGTAIL_INLINE T multiply_exactly_rounded(T a, T b) {
  return a * b;
}
#endif

template <Real T>
LONGTAIL_INLINE Pair<T> two_sum(T a, Same<T> b) {
  const T hi = add_exactly_rounded(a, b);
  const T b_part = add_exactly_rounded(hi, -a);
  const T a_part = add_exactly_rounded(hi, -b_part);
  return {hi,
          add_exactly_rounded(add_exactly_rounded(a, -a_part), add_exactly_rounded(b, -b_part))};
}
/// two_sum for |a| >= |b| (or a = 0).
template <Real T>
LONGTAIL_INLINE Pair<T> quick_two_sum(T a, Same<T> b) {
  const T hi = add_exactly_rounded(a, b);
  return {hi, add_exactly_rounded(b, -add_exactly_rounded(hi, -a))};
}
/// Halves of a with 26 (12) bits each, for products without FMA; |a| < 2^996 (2^115).
template <Real T>
LONGTAIL_INLINE Pair<T> dekker_split(T a) {
  const T big = a * Format<scalar_t<T>>::dekker;
  const T hi = big - (big - a);
  return {hi, a - hi};
}
/// Exact while the product neither overflows nor has bits below the subnormals; without FMA the
/// factors also stay below 2^996 (2^115).
template <Real T>
LONGTAIL_INLINE Pair<T> two_prod(T a, Same<T> b) {
  const T hi = multiply_exactly_rounded(a, b);
  if constexpr (kHasFma) {
    return {hi, fma(a, b, -hi)};
  } else {
    const Pair<T> x = dekker_split(a), y = dekker_split(b);
    return {hi, ((x.hi * y.hi - hi) + x.hi * y.lo + x.lo * y.hi) + x.lo * y.lo};
  }
}

/// c0 + x (c1 + x (c2 + ...)), constants lowest degree first, unrolled at compile time.
template <class T, class C>
LONGTAIL_INLINE T horner(T, C c0) {
  return T(c0);
}
template <class T, class C, class... Rest>
LONGTAIL_INLINE T horner(T x, C c0, Rest... rest) {
  const T inner = horner(x, rest...);
  if constexpr (Real<T>) {
    return fma(inner, x, T(scalar_t<T>(c0)));
  } else {
    return inner * x + c0;  // jets and other types that only add and multiply
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
