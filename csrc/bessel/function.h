#pragma once
// The public functions of the family, by number, for tables and templates.

namespace longtail::bessel {

enum class Function : int {
  log_bessel_i,
  log_bessel_k,
  log_bessel_ie,
  log_bessel_ke,
  bessel_i_ratio,
  bessel_k_ratio,
  log_hyp0f1,
  matern,
};
inline constexpr int kFunctions = 8;

}  // namespace longtail::bessel
