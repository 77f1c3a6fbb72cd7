// Docstrings of the ufuncs, in the order of bessel::kSignatures. NumPy puts the call signature
// above each.
#pragma once

#include <array>

namespace longtail::numpy_layer {

inline constexpr std::array<const char*, 8> kUfuncDocs = {
    // log_bessel_i
    "log I_v(x), the logarithm of the modified Bessel function of the first kind.\n\n"
    "v >= 0 real, or a negative integer (I_-n = I_n); x >= 0. Finite wherever log I is, far\n"
    "beyond the range of scipy.special.iv. nan outside the domain. DLMF 10.25.",
    // log_bessel_k
    "log K_v(x), the logarithm of the modified Bessel function of the second kind.\n\n"
    "v real (K is even in v), x >= 0; inf at x = 0, nan outside the domain. DLMF 10.27.",
    // log_bessel_ie
    "log(I_v(x) exp(-x)), without the cancellation of log_bessel_i(v, x) - x.\n\n"
    "Domain as log_bessel_i.",
    // log_bessel_ke
    "log(K_v(x) exp(x)), without the cancellation of log_bessel_k(v, x) + x.\n\n"
    "Domain as log_bessel_k.",
    // bessel_i_ratio
    "I_{v+1}(x) / I_v(x), in [0, 1), for v >= 0 and x >= 0; nan elsewhere.",
    // bessel_k_ratio
    "K_{v+1}(x) / K_v(x), above 1, for v >= 0 and x >= 0; nan elsewhere.",
    // log_hyp0f1
    "log 0F1(; b; z), the logarithm of the confluent hypergeometric limit function.\n\n"
    "b > 0, z >= 0; nan elsewhere. The well-conditioned normaliser of the von Mises-Fisher\n"
    "distribution: 0F1(; v + 1; x^2 / 4) = Gamma(v + 1) (x / 2)^-v I_v(x).",
    // matern
    "2^(1-nu) / Gamma(nu) s^nu K_nu(s) with s = sqrt(2 nu) r: the Matern covariance of unit\n"
    "variance and length scale.\n\n"
    "nu > 0, r >= 0; nan elsewhere. 1 at r = 0.",
};

}  // namespace longtail::numpy_layer
