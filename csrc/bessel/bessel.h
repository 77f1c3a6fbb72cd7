// Log-Bessel functions on the caller's own buffers: the C++ API of this family.
//
// Every function takes two inputs and an output. Inputs have the output's length, or length 1 and
// then serve every element. float buffers are computed in double and rounded once. `out` may be
// one of the inputs; it must not overlap one partly. Elements outside the domain give nan.
//
//   log_bessel_i(v, x)     log I_v(x)                        v >= 0 or a negative integer, x >= 0
//   log_bessel_k(v, x)     log K_v(x)                        real v, x >= 0
//   log_bessel_ie(v, x)    log(I_v(x) exp(-x))               as log_bessel_i
//   log_bessel_ke(v, x)    log(K_v(x) exp(x))                as log_bessel_k
//   bessel_i_ratio(v, x)   I_{v+1}(x) / I_v(x)               v >= 0, x >= 0
//   bessel_k_ratio(v, x)   K_{v+1}(x) / K_v(x)               v >= 0, x >= 0
//   log_hyp0f1(b, z)       log 0F1(; b; z)                   b > 0, z >= 0
//   matern(nu, r)          2^(1-nu)/Gamma(nu) s^nu K_nu(s), s = sqrt(2 nu) r     nu > 0, r >= 0
//
// By default the calling thread does all the work; a ParallelFor spreads it over the caller's
// pool, with the same bits as result. Lengths that do not fit, and a LONGTAIL_CPU_LEVEL that this
// machine cannot run, throw std::invalid_argument.
#pragma once

#include <span>

#include "bessel/kernels.h"
#include "core/parallel.h"

namespace longtail {

using DoubleInput = std::span<const double>;
using DoubleOutput = std::span<double>;
using FloatInput = std::span<const float>;
using FloatOutput = std::span<float>;

void log_bessel_i(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& = {});
void log_bessel_i(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& = {});

void log_bessel_k(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& = {});
void log_bessel_k(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& = {});

void log_bessel_ie(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& = {});
void log_bessel_ie(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& = {});

void log_bessel_ke(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& = {});
void log_bessel_ke(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& = {});

void bessel_i_ratio(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& = {});
void bessel_i_ratio(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& = {});

void bessel_k_ratio(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& = {});
void bessel_k_ratio(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& = {});

void log_hyp0f1(DoubleInput b, DoubleInput z, DoubleOutput out, const ParallelFor& = {});
void log_hyp0f1(FloatInput b, FloatInput z, FloatOutput out, const ParallelFor& = {});

void matern(DoubleInput nu, DoubleInput r, DoubleOutput out, const ParallelFor& = {});
void matern(FloatInput nu, FloatInput r, FloatOutput out, const ParallelFor& = {});

// How often to differentiate in each argument.
struct DerivativeOrder {
  int first = 0;
  int second = 0;
};

// The partial derivative of `function` of the given order, at most 2 in total; order {0, 0} is the
// function itself. Throws std::invalid_argument for any other order.
void derivative(bessel::Function function, DerivativeOrder order, DoubleInput first,
                DoubleInput second, DoubleOutput out, const ParallelFor& = {});
void derivative(bessel::Function function, DerivativeOrder order, FloatInput first,
                FloatInput second, FloatOutput out, const ParallelFor& = {});

}  // namespace longtail
