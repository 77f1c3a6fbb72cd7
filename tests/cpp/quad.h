// 113-bit arithmetic, the oracle for double: libquadmath on x86-64, long double on AArch64.
#pragma once

#include <cmath>

#if defined(__aarch64__)

namespace test {
using quad = long double;
namespace quad_math = std;
}  // namespace test

#else

#include <quadmath.h>

namespace test {
using quad = __float128;

namespace quad_math {
inline quad exp(quad x) { return expq(x); }
inline quad expm1(quad x) { return expm1q(x); }
inline quad log(quad x) { return logq(x); }
inline quad log1p(quad x) { return log1pq(x); }
inline quad sinh(quad x) { return sinhq(x); }
inline quad cosh(quad x) { return coshq(x); }
inline quad tanh(quad x) { return tanhq(x); }
inline quad asinh(quad x) { return asinhq(x); }
inline quad sqrt(quad x) { return sqrtq(x); }
inline quad lgamma(quad x) { return lgammaq(x); }
inline quad atan(quad x) { return atanq(x); }
}  // namespace quad_math
}  // namespace test

#endif
