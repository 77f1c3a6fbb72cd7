#pragma once
// Vectors of the computing type (double for float64, float for the rest) from and to memory of any
// element type, with lanes to spare at the end of a run.

#include "core/half.h"
#include "core/simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

template <class E>
struct Compute {
  using type = native<float>;
};
template <>
struct Compute<double> {
  using type = native<double>;
};
template <class E>
using compute_t = typename Compute<E>::type;

template <class S, class E>
LONGTAIL_INLINE S widen(E e) {
  if constexpr (std::is_same_v<E, bfloat16>) {
    return __builtin_bit_cast(float, static_cast<std::uint32_t>(e.bits) << 16);
  } else if constexpr (std::is_same_v<E, float16>) {
    return static_cast<S>(static_cast<double>(e));
  } else {
    return static_cast<S>(e);
  }
}
template <class E, class S>
LONGTAIL_INLINE E narrow(S s) {
  if constexpr (std::is_same_v<E, bfloat16> && std::is_same_v<S, float>) {
    // To nearest even; nan stays nan. half.h's conversion from double would be slower.
    const auto bits = __builtin_bit_cast(std::uint32_t, s);
    const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
    return bfloat16::from_bits(static_cast<std::uint16_t>(is_nan ? (bits >> 16) | 0x40 : rounded));
  } else if constexpr (std::is_same_v<E, bfloat16> || std::is_same_v<E, float16>) {
    return E(static_cast<double>(s));
  } else {
    return static_cast<E>(s);
  }
}

/// The first `count` lanes from p, the others `fill`.
template <class T, class E>
LONGTAIL_INLINE T load_lanes(const E* p, int count, scalar_t<T> fill) {
  if constexpr (std::is_same_v<E, scalar_t<T>>) {
    if (count >= kLanes<T>) return load<T>(p);
  }
  scalar_t<T> lanes[kLanes<T>];
  for (int i = 0; i < kLanes<T>; ++i) lanes[i] = i < count ? widen<scalar_t<T>>(p[i]) : fill;
  return load<T>(lanes);
}
template <class T, class E>
LONGTAIL_INLINE T load_full(const E* p) {
  if constexpr (std::is_same_v<E, scalar_t<T>>) {
    return load<T>(p);
  } else {
    scalar_t<T> lanes[kLanes<T>];
    for (int i = 0; i < kLanes<T>; ++i) lanes[i] = widen<scalar_t<T>>(p[i]);
    return load<T>(lanes);
  }
}
template <class T, class E>
LONGTAIL_INLINE void store_full(E* p, T a) {
  if constexpr (std::is_same_v<E, scalar_t<T>>) {
    store(p, a);
  } else {
    scalar_t<T> lanes[kLanes<T>];
    store(lanes, a);
    for (int i = 0; i < kLanes<T>; ++i) p[i] = narrow<E>(lanes[i]);
  }
}
template <class T, class E>
LONGTAIL_INLINE void store_lanes(E* p, T a, int count) {
  scalar_t<T> lanes[kLanes<T>];
  store(lanes, a);
  for (int i = 0; i < count; ++i) p[i] = narrow<E>(lanes[i]);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
