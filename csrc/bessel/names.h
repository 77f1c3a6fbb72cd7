// What the outside calls each log-Bessel function and its two arguments.
#pragma once

#include <array>
#include <string_view>

#include "bessel/kernels.h"

namespace longtail::bessel {

struct Signature {
  Function function;
  const char* name;
  const char* first;
  const char* second;
};

inline constexpr std::array<Signature, 8> kSignatures = {{
    {Function::log_bessel_i, "log_bessel_i", "v", "x"},
    {Function::log_bessel_k, "log_bessel_k", "v", "x"},
    {Function::log_bessel_ie, "log_bessel_ie", "v", "x"},
    {Function::log_bessel_ke, "log_bessel_ke", "v", "x"},
    {Function::bessel_i_ratio, "bessel_i_ratio", "v", "x"},
    {Function::bessel_k_ratio, "bessel_k_ratio", "v", "x"},
    {Function::log_hyp0f1, "log_hyp0f1", "b", "z"},
    {Function::matern, "matern", "nu", "r"},
}};

constexpr const Signature& signature(Function function) {
  return kSignatures[static_cast<std::size_t>(function)];
}

// kSignatures is indexed by Function.
static_assert([] {
  for (std::size_t i = 0; i < kSignatures.size(); ++i) {
    if (static_cast<std::size_t>(kSignatures[i].function) != i) return false;
  }
  return true;
}());

}  // namespace longtail::bessel
