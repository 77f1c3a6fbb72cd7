#pragma once
// Tables of kernels by the type that they compute in.

#include <type_traits>

namespace longtail {

/// A table of kernels for float64 and one for float32.
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
