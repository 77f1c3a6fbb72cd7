#pragma once
// The types that numbers are computed in: float64 and float32.

#include <type_traits>

#include "core/elementwise.h"

namespace longtail {

/// The element type of arrays of S, double or float.
template <class S>
inline constexpr DType kDType = std::is_same_v<S, double> ? DType::float64 : DType::float32;

/// A table of kernels for either.
template <template <class> class Kernels>
struct BothPrecisions {
  Kernels<double> float64;
  Kernels<float> float32;

  template <class S>
  constexpr const Kernels<S>& of() const {
    if constexpr (std::is_same_v<S, double>) {
      return float64;
    } else {
      return float32;
    }
  }
};

}  // namespace longtail
