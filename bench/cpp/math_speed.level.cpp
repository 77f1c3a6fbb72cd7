// Loops over the functions of csrc/core at this level, and over the C library's own: libm at the
// scalar level, its vector library libmvec at the x86-64 vector levels.
#include <math.h>

#include "core/double_double.h"
#include "core/gamma.h"
#include "core/hyperbolic.h"
#include "math_kernels.h"

namespace longtail::bench::LONGTAIL_LEVEL {
namespace {

template <class E, class F>
void loop(const E* in, E* out, int n, F f) {
  for (int i = 0; i < n; i += kLanes<native<E>>) store(out + i, f(load<native<E>>(in + i)));
}

#define OURS(function)                                                              \
  MathKernel {                                                                      \
    #function, "longtail",                                                          \
        [](const double* in, double* out, int n) {                                  \
          loop(in, out, n, [](native<double> x) { return longtail::function(x); }); \
        },                                                                          \
        [](const float* in, float* out, int n) {                                    \
          loop(in, out, n, [](native<float> x) { return longtail::function(x); });  \
        }                                                                           \
  }

#if LONGTAIL_SCALAR_LEVEL

#define THEIRS(function)                                              \
  MathKernel {                                                        \
    #function, "libm",                                                \
        [](const double* in, double* out, int n) {                    \
          loop(in, out, n, [](double x) { return ::function(x); });   \
        },                                                            \
        [](const float* in, float* out, int n) {                      \
          loop(in, out, n, [](float x) { return ::function##f(x); }); \
        }                                                             \
  }
#define THEIR_VECTORS(function) THEIRS(function),

#elif defined(__x86_64__)

// Symbols of the x86-64 vector function ABI: e and d name the register width.
#if defined(__AVX512F__)
#define LIBMVEC(function) _ZGVeN8v_##function
#define LIBMVEC_FLOAT(function) _ZGVeN16v_##function##f
#else
#define LIBMVEC(function) _ZGVdN4v_##function
#define LIBMVEC_FLOAT(function) _ZGVdN8v_##function##f
#endif
#define DECLARE(function)                                                \
  extern "C" native<double>::Raw LIBMVEC(function)(native<double>::Raw); \
  extern "C" native<float>::Raw LIBMVEC_FLOAT(function)(native<float>::Raw);
DECLARE(exp)
DECLARE(expm1)
DECLARE(log)
DECLARE(log1p)
DECLARE(sinh)
DECLARE(cosh)
DECLARE(tanh)
DECLARE(asinh)
#undef DECLARE

#define THEIR_VECTORS(function)                                                                 \
  MathKernel{#function, "libmvec",                                                              \
             [](const double* in, double* out, int n) {                                         \
               loop(in, out, n,                                                                 \
                    [](native<double> x) { return native<double>(LIBMVEC(function)(x.raw)); }); \
             },                                                                                 \
             [](const float* in, float* out, int n) {                                           \
               loop(in, out, n, [](native<float> x) {                                           \
                 return native<float>(LIBMVEC_FLOAT(function)(x.raw));                          \
               });                                                                              \
             }},

#else
#define THEIR_VECTORS(function)  // the C library of AArch64 has none yet
#endif

constexpr MathKernel kLogDoubleDouble = {"log_dd", "longtail",
                                         [](const double* in, double* out, int n) {
                                           loop(in, out, n, [](native<double> x) {
                                             const auto y = log_dd(DoubleDouble<native<double>>(x));
                                             return y.hi + y.lo;
                                           });
                                         },
                                         nullptr};

constexpr MathKernel kKernels[] = {
    OURS(exp),
    THEIR_VECTORS(exp) OURS(log),
    THEIR_VECTORS(log) OURS(expm1),
    THEIR_VECTORS(expm1) OURS(log1p),
    THEIR_VECTORS(log1p) OURS(sinh),
    THEIR_VECTORS(sinh) OURS(cosh),
    THEIR_VECTORS(cosh) OURS(tanh),
    THEIR_VECTORS(tanh) OURS(asinh),
    THEIR_VECTORS(asinh) OURS(lgamma),
#if LONGTAIL_SCALAR_LEVEL
    THEIRS(lgamma),
#endif
    kLogDoubleDouble,
};

}  // namespace

MathKernels math_kernels() {
  return {kKernels, static_cast<int>(sizeof(kKernels) / sizeof(kKernels[0]))};
}

}  // namespace longtail::bench::LONGTAIL_LEVEL
