#pragma once
// Largest errors of the math in csrc/core, by function and type: what the headers promise and what
// tests/cpp/test_math.level.cpp, test_gamma.level.cpp and test_double_double.level.cpp check at
// every CPU level. In float, exp to trigamma were run over every argument at the scalar, AVX2 and
// AVX-512 levels (tools/exhaustive_float32.sh); the remainder functions and NEON by samples only.

namespace longtail::contract {

/// Largest |result - exact| over all arguments, in the unit that the table names.
struct Bound {
  double in_double;
  double in_float;
};

// In units in the last place of the exact result; all arguments, subnormals included.
inline constexpr Bound exp = {0.80, 0.80};
inline constexpr Bound expm1 = {0.90, 0.80};
inline constexpr Bound log = {0.90, 0.85};
inline constexpr Bound log1p = {0.90, 0.85};
inline constexpr Bound sinh = {0.90, 0.90};
inline constexpr Bound cosh = {0.80, 0.90};
inline constexpr Bound tanh = {0.80, 0.80};
inline constexpr Bound asinh = {0.90, 0.90};

// In epsilon max(1, |result|), epsilon = 2^-52 (2^-23); x > 0.
inline constexpr Bound lgamma = {1.5, 1.8};
inline constexpr Bound digamma = {1.5, 1.7};
inline constexpr Bound trigamma = {2.0, 2.0};

// In epsilon |result|; v >= 0 (v >= 8 for stirling_correction).
inline constexpr Bound gamma_remainder = {5.0, 5.0};
inline constexpr Bound gamma_remainder_slope = {5.0, 5.0};
inline constexpr Bound gamma_remainder_curvature = {7.0, 7.0};
inline constexpr Bound stirling_correction = {1.6, 1.6};

// log2 of the relative error for arguments in [2^-1000, 2^1000].
inline constexpr double log_dd = -86.0;

}  // namespace longtail::contract
