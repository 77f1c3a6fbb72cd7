#pragma once
// Vec<E, N>: N lanes of E on GCC's vector extension, and the vocabulary that math is written in.
//
// A template on T works unchanged for T = double, float (scalar level, CUDA) and for
// T = Vec<double, N>, Vec<float, N>. Scalars broadcast implicitly next to a Vec. Comparisons give
// mask_t<T>; masks combine with & | !. native<double> is the widest type of the level:
//
//   level      flags               native<double>   native<float>
//   scalar     -march=x86-64-v2    double           float
//   avx2       -march=x86-64-v3    Vec<double, 4>   Vec<float, 8>
//   avx512     -march=x86-64-v4    Vec<double, 8>   Vec<float, 16>
//   neon       AArch64             Vec<double, 2>   Vec<float, 4>
//
// Code compiled per level must not call inline functions of the standard library: the linker keeps
// one copy of those, perhaps one compiled for a CPU that this machine is not.

#include <cstdint>
#include <type_traits>

#include "host_device.h"
#include "simd_lanes.h"
#include "simd_scalar.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// N truth values, each stored as Bytes bytes of ones or zeros.
template <int Bytes, int N>
struct Mask {
  using Lane = std::conditional_t<Bytes == 8, std::int64_t, std::int32_t>;
  using Raw = lanes::raw<Lane, N>;
  Raw raw;

  Mask() = default;
  LONGTAIL_INLINE Mask(Raw r) : raw(r) {}
  LONGTAIL_INLINE Mask(bool b) : raw(Raw{} - Lane(b)) {}
  LONGTAIL_INLINE bool operator[](int i) const { return raw[i] != 0; }

  friend LONGTAIL_INLINE Mask operator&(Mask a, Mask b) { return a.raw & b.raw; }
  friend LONGTAIL_INLINE Mask operator|(Mask a, Mask b) { return a.raw | b.raw; }
  friend LONGTAIL_INLINE Mask operator!(Mask a) { return ~a.raw; }
  friend LONGTAIL_INLINE bool any(Mask a) { return lanes::any(a.raw); }
  friend LONGTAIL_INLINE bool all(Mask a) { return !lanes::any(Raw(~a.raw)); }
};

template <class E, int N>
struct Vec {
  using Raw = lanes::raw<E, N>;
  using Lanes = Mask<sizeof(E), N>;
  using Bits = Vec<typename Lanes::Lane, N>;
  Raw raw;

  Vec() = default;
  LONGTAIL_INLINE Vec(Raw r) : raw(r) {}
  LONGTAIL_INLINE Vec(E e) : raw(e - Raw{}) {}  // e - 0 keeps the sign of a zero; e + 0 does not
  LONGTAIL_INLINE E operator[](int i) const { return raw[i]; }
  LONGTAIL_INLINE void set(int i, E e) { raw[i] = e; }

  friend LONGTAIL_INLINE Vec operator+(Vec a, Vec b) { return a.raw + b.raw; }
  friend LONGTAIL_INLINE Vec operator-(Vec a, Vec b) { return a.raw - b.raw; }
  friend LONGTAIL_INLINE Vec operator*(Vec a, Vec b) { return a.raw * b.raw; }
  friend LONGTAIL_INLINE Vec operator/(Vec a, Vec b) { return a.raw / b.raw; }
  friend LONGTAIL_INLINE Vec operator-(Vec a) { return -a.raw; }
  LONGTAIL_INLINE Vec& operator+=(Vec b) { return *this = *this + b; }
  LONGTAIL_INLINE Vec& operator-=(Vec b) { return *this = *this - b; }
  LONGTAIL_INLINE Vec& operator*=(Vec b) { return *this = *this * b; }
  LONGTAIL_INLINE Vec& operator/=(Vec b) { return *this = *this / b; }

  friend LONGTAIL_INLINE Lanes operator==(Vec a, Vec b) { return a.raw == b.raw; }
  friend LONGTAIL_INLINE Lanes operator!=(Vec a, Vec b) { return a.raw != b.raw; }
  friend LONGTAIL_INLINE Lanes operator<(Vec a, Vec b) { return a.raw < b.raw; }
  friend LONGTAIL_INLINE Lanes operator<=(Vec a, Vec b) { return a.raw <= b.raw; }
  friend LONGTAIL_INLINE Lanes operator>(Vec a, Vec b) { return a.raw > b.raw; }
  friend LONGTAIL_INLINE Lanes operator>=(Vec a, Vec b) { return a.raw >= b.raw; }
  friend LONGTAIL_INLINE Vec select(Lanes m, Vec a, Vec b) { return m.raw ? a.raw : b.raw; }

  // Integer lanes only.
  friend LONGTAIL_INLINE Vec operator&(Vec a, Vec b) { return a.raw & b.raw; }
  friend LONGTAIL_INLINE Vec operator|(Vec a, Vec b) { return a.raw | b.raw; }
  friend LONGTAIL_INLINE Vec operator^(Vec a, Vec b) { return a.raw ^ b.raw; }
  friend LONGTAIL_INLINE Vec operator<<(Vec a, int n) { return a.raw << n; }
  friend LONGTAIL_INLINE Vec operator>>(Vec a, int n) { return a.raw >> n; }
  friend LONGTAIL_INLINE Vec shift_right(Vec a, int n) {  // fills with zeros, unlike >>
    using Unsigned = std::make_unsigned_t<E>;
    return (Raw)((lanes::raw<Unsigned, N>)a.raw >> n);
  }
  friend LONGTAIL_INLINE Vec add_bits(Vec a, Vec b) {  // wraps around
    using Unsigned = lanes::raw<std::make_unsigned_t<E>, N>;
    return (Raw)((Unsigned)a.raw + (Unsigned)b.raw);
  }

  // Floating lanes only.
  friend LONGTAIL_INLINE Vec fma(Vec a, Vec b, Vec c) { return lanes::fma(a.raw, b.raw, c.raw); }
  friend LONGTAIL_INLINE Vec sqrt(Vec a) { return lanes::sqrt(a.raw); }
  friend LONGTAIL_INLINE Vec rint(Vec a) { return lanes::rint(a.raw); }
  friend LONGTAIL_INLINE Vec floor(Vec a) { return lanes::floor(a.raw); }
  friend LONGTAIL_INLINE Bits bits(Vec a) { return (typename Bits::Raw)a.raw; }
};

template <int N>
LONGTAIL_INLINE Vec<double, N> from_bits(Vec<std::int64_t, N> a) {
  return (lanes::raw<double, N>)a.raw;
}
template <int N>
LONGTAIL_INLINE Vec<float, N> from_bits(Vec<std::int32_t, N> a) {
  return (lanes::raw<float, N>)a.raw;
}

// Nearest integer and back; |a| < 2^51 (double) or 2^22 (float). Doubles go through the bits of
// 1.5 * 2^52 + a, since AVX2 has no conversion to 64-bit integers.
template <int N>
LONGTAIL_INLINE Vec<std::int64_t, N> to_int(Vec<double, N> a) {
  return add_bits(bits(a + 0x1.8p52), -bits(Vec<double, N>(0x1.8p52)));
}
template <int N>
LONGTAIL_INLINE Vec<double, N> to_real(Vec<std::int64_t, N> a) {
  return from_bits(add_bits(a, bits(Vec<double, N>(0x1.8p52)))) - 0x1.8p52;
}
template <int N>
LONGTAIL_INLINE Vec<std::int32_t, N> to_int(Vec<float, N> a) {
  return add_bits(bits(a + 0x1.8p23f), -bits(Vec<float, N>(0x1.8p23f)));
}
template <int N>
LONGTAIL_INLINE Vec<float, N> to_real(Vec<std::int32_t, N> a) {
  return __builtin_convertvector(a.raw, lanes::raw<float, N>);
}

// Traits.

template <class T>
struct Traits {  // not a Real: jets and the like may still be asked how many lanes they have
  static constexpr int count = 1;
};
template <Scalar T>
struct Traits<T> {
  using Element = T;
  using Lanes = bool;
  using Integer = IntegerOf<T>;
  static constexpr int count = 1;
};
template <class E, int N>
struct Traits<Vec<E, N>> {
  using Element = E;
  using Lanes = typename Vec<E, N>::Lanes;
  using Integer = typename Vec<E, N>::Bits;
  static constexpr int count = N;
};
template <class T>
using scalar_t = typename Traits<T>::Element;
template <class T>
using mask_t = typename Traits<T>::Lanes;
template <class T>
using int_t = typename Traits<T>::Integer;
template <class T>
inline constexpr int kLanes = Traits<T>::count;

/// Every type that math is written for.
template <class T>
concept Real = Scalar<T> || std::is_same_v<T, Vec<double, kLanes<T>>> ||
               std::is_same_v<T, Vec<float, kLanes<T>>>;

#if defined(__CUDACC__) || LONGTAIL_SCALAR_LEVEL
inline constexpr int kVectorBytes = 0;
#elif defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr int kVectorBytes = 32;
#elif defined(__aarch64__)
inline constexpr int kVectorBytes = 16;
#else
inline constexpr int kVectorBytes = 0;
#endif

template <class E, int Bytes>
struct Native {
  using type = Vec<E, Bytes / int(sizeof(E))>;
};
template <class E>
struct Native<E, 0> {
  using type = E;
};
/// The level's own type for E = double or float.
template <class E>
using native = typename Native<E, kVectorBytes>::type;

// Memory and lanes.

template <Scalar T>
LONGTAIL_INLINE T load(const T* p) {
  return *p;
}
template <class T>
  requires(!Scalar<T>)
LONGTAIL_INLINE T load(const scalar_t<T>* p) {
  T result;
  __builtin_memcpy(&result.raw, p, sizeof(result.raw));
  return result;
}
template <Scalar T>
LONGTAIL_INLINE void store(T* p, T a) {
  *p = a;
}
template <class E, int N>
LONGTAIL_INLINE void store(E* p, Vec<E, N> a) {
  __builtin_memcpy(p, &a.raw, sizeof(a.raw));
}
/// Lane i as a scalar; i = 0 for scalars.
template <Scalar T>
LONGTAIL_INLINE T lane(T a, int) {
  return a;
}
template <class E, int N>
LONGTAIL_INLINE E lane(Vec<E, N> a, int i) {
  return a[i];
}
LONGTAIL_INLINE bool lane(bool m, int) { return m; }
template <int Bytes, int N>
LONGTAIL_INLINE bool lane(Mask<Bytes, N> m, int i) {
  return m[i];
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail

#include "simd_arithmetic.h"  // what follows from the above for every T alike
