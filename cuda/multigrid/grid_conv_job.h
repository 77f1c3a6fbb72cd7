// One convolution of learned multigrid as CUDA does it (grid_conv_region.cuh), and a list of them.
#pragma once

#include <cstdint>

namespace longtail::cuda {

enum class GridConvKind {
  gather,  // to[i, j] = add + bias + sum of w[a, b] from[stride i + a - 1, stride j + b - 1]
  spread,  // its transpose with stride 2: from lies on the coarser grid
  sum      // to = from + add
};

/// Fields are [N, height, width, channels]; add and bias may be null. `weights` are prepared:
/// [taps * taps, in, rounded(out)].
struct GridConvJob {
  const float *from, *add, *weights, *bias;
  float* to;
  std::int64_t height, width;  // of `to`
  std::int64_t from_height, from_width;
  int in, out, taps, stride;
  GridConvKind kind;
};

/// Results that a thread makes side by side: so many channels lie behind each other in prepared
/// weights.
constexpr int kGridConvOut = 8;
inline int rounded_out(std::int64_t out) {
  return static_cast<int>((out + kGridConvOut - 1) / kGridConvOut * kGridConvOut);
}

/// Points of `from` that a block keeps in shared memory, of so many channels at a time.
constexpr int kGridWindow = 324, kGridChannels = 32;

/// As many as a launch's parameters hold.
constexpr int kMostGridJobs = 40;
struct GridConvJobs {
  int count;
  GridConvJob job[kMostGridJobs];
};

/// Weights [rows, columns, taps, taps] that become those of a job. `columns_out`: the results are
/// columns, so rows come in; `turned`: taps in reverse.
struct GridWeightJob {
  const float* from;
  float* to;
  int rows, columns, taps;
  bool columns_out, turned, negative;
};
constexpr int kMostGridWeights = 64;
struct GridWeightJobs {
  GridWeightJob job[kMostGridWeights];
};

/// dw[o, c, a, b] = sum of grad[n, i, j, o] x[n, stride i + a - 1, stride j + b - 1, c].
struct GridGradientJob {
  const float *grad, *x;
  float *partial, *dw;  // [parts, size of dw]
  std::int64_t batch, height, width, x_height, x_width;
  int out, in, parts;
  bool negative;
};

/// Points of a tile of its sums.
constexpr int kGradientColumns = 8;
constexpr int grid_gradient_rows(int stride) { return stride == 1 ? 8 : 4; }

}  // namespace longtail::cuda
