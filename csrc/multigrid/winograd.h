#pragma once
// Convolutions of 3 x 3 taps with few channels, by Winograd's F(2 x 2, 3 x 3).
//
//   y[n, i, j, o] = add[n, i, j, o] + bias[o]
//                   + sum over a, b, c of w[o, c, a, b] x[n, i + a - 1, j + b - 1, c],
//
// zeros outside. Channels lie innermost. A tile of 2 x 2 results takes 16 products a pair of
// channels instead of 36: y = A^T ((G w G^T) . (B^T x B)) A with
//
//   B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1],  A^T = [1 1 1 0; 0 1 -1 -1],
//   G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]
//
// (Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). The library has no such
// kernel for CPUs, and its direct one leaves lanes empty. float32; errors relative to the
// largest result are below 2e-6 for up to 64 channels of random numbers, no larger than the
// library's.

#include <cstdint>

#include "core/parallel.h"

namespace longtail::multigrid {

struct GridConvShape {
  std::int64_t batch, height, width, in, out;
};

/// x [N, H, W, in], w [out, in, 3, 3], add [N, H, W, out] or null, bias [out] or null to y.
/// `adjoint`: w is [in, out, 3, 3], of the convolution whose transpose this is: taps turned around.
void grid_conv(const GridConvShape& shape, bool adjoint, const float* x, const float* w,
               const float* add, const float* bias, float* y, const ParallelFor& parallel_for);

/// The gradient of w for that of y: dw[o, c, a, b] = sum of grad[n, i, j, o] x[n, i + a - 1,
/// j + b - 1, c].
void grid_conv_weight(const GridConvShape& shape, const float* grad, const float* x, float* dw,
                      const ParallelFor& parallel_for);

}  // namespace longtail::multigrid
