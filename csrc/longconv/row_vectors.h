#pragma once
// A row of any element type vector by vector, the last one with fewer lanes.

#include <type_traits>

#include "core/half_lanes.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

/// Calls visit(index, lanes, whole) for each vector of a row; `whole` is a type, so that only the
/// last vector counts its lanes.
template <class T, class Visit>
LONGTAIL_INLINE void each_vector(std::int64_t count, const Visit& visit) {
  std::int64_t n = 0;
  for (; n + kLanes<T> <= count; n += kLanes<T>) visit(n, kLanes<T>, std::true_type());
  if (n < count) visit(n, static_cast<int>(count - n), std::false_type());
}

template <class T, class E, class Whole>
LONGTAIL_INLINE T take(const E* p, int lanes, Whole) {
  if constexpr (Whole::value) {
    return load_wide<T>(p);
  } else {
    return load_lanes<T>(p, lanes, scalar_t<T>(0));
  }
}
template <class T, class E, class Whole>
LONGTAIL_INLINE void put(E* p, T a, int lanes, Whole) {
  if constexpr (Whole::value) {
    store_narrow(p, a);
  } else {
    store_lanes(p, a, lanes);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
