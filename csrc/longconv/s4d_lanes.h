#pragma once
// States as lanes of double, from and to memory of float or double.

#include "core/simd.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

template <class T, class S>
LONGTAIL_INLINE T load_states(const S* from) {
  if constexpr (kLanes<T> == 1) {
    return static_cast<double>(*from);
  } else {
    lanes::raw<S, kLanes<T>> raw;
    __builtin_memcpy(&raw, from, sizeof(raw));
    return T(__builtin_convertvector(raw, typename T::Raw));
  }
}

template <class T, class S>
LONGTAIL_INLINE void put_states(S* to, T a) {
  if constexpr (kLanes<T> == 1) {
    *to = static_cast<S>(a);
  } else {
    const auto raw = __builtin_convertvector(a.raw, lanes::raw<S, kLanes<T>>);
    __builtin_memcpy(to, &raw, sizeof(raw));
  }
}

/// Zeros for what would be subnormal in S or near it, which many processors are slow with.
template <class S, class T>
LONGTAIL_INLINE T without_dust(T a) {
  return T(select(abs(a) < T(sizeof(S) == 8 ? 0x1p-1000 : 0x1p-120), T(0.0), a));
}
template <class T, class S>
LONGTAIL_INLINE void store_states(S* to, T a) {
  put_states(to, without_dust<S>(a));
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
