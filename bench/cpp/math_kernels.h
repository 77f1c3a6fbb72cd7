// The kernels that math_speed.cpp times, one table per CPU level (math_speed.level.cpp).
#pragma once

namespace longtail::bench {

/// out[i] = f(in[i]) for i < n; n is a multiple of every vector length.
template <class E>
using Kernel = void (*)(const E* in, E* out, int n);

struct MathKernel {
  const char* function;
  const char* author;
  Kernel<double> in_double;
  Kernel<float> in_float;  // null where there is none
};

struct MathKernels {
  const MathKernel* first;
  int count;
};

namespace scalar {
MathKernels math_kernels();
}
namespace avx2 {
MathKernels math_kernels();
}
namespace avx512 {
MathKernels math_kernels();
}
namespace neon {
MathKernels math_kernels();
}

}  // namespace longtail::bench
