// The bodies of the launches that depend on the element types.
#pragma once

#include <limits>

#include "core/check.h"
#include "cuda/core/launch.h"
#include "cuda/longconv/short_conv_kernels.cuh"
#include "cuda/longconv/short_conv_launch.h"

namespace longtail::cuda {

inline unsigned short_conv_blocks(std::int64_t blocks) {
  check_argument(blocks <= std::numeric_limits<int>::max(), "short_conv", "u", blocks,
                 "at most 2^31 - 1 tiles of 512 elements of its rows");
  return static_cast<unsigned>(blocks);
}

template <class E, class P>
ShortConvProblem<E, P> short_conv_problem(const longconv::ShortConvShape& shape,
                                          const longconv::ShortConvInputs& inputs) {
  return {shape, static_cast<const E*>(inputs.u), static_cast<const E*>(inputs.state),
          static_cast<const P*>(inputs.taps), static_cast<const P*>(inputs.bias)};
}

template <class E, class P>
void launch_short_conv(const longconv::ShortConvShape& shape,
                       const longconv::ShortConvInputs& inputs, E* y, cudaStream_t stream) {
  const std::int64_t blocks = shape.batch * shape.heads * short_tiles(shape.length);
  if (blocks == 0) return;
  short_conv_forward<E, P><<<short_conv_blocks(blocks), kShortThreads, 0, stream>>>(
      short_conv_problem<E, P>(shape, inputs), y);
  check_launch("short_conv");
}

template <class E, class P>
void launch_short_conv_backward(const longconv::ShortConvShape& shape,
                                const longconv::ShortConvInputs& inputs, const E* grad,
                                const longconv::ShortConvGradients& gradients, double* partial,
                                cudaStream_t stream) {
  if (shape.heads == 0) return;
  const std::int64_t parts = short_conv_parts(shape);
  short_conv_backward<E, P><<<short_conv_blocks(shape.heads * parts), kShortThreads, 0, stream>>>(
      short_conv_problem<E, P>(shape, inputs), parts, grad, static_cast<E*>(gradients.u),
      static_cast<E*>(gradients.state), partial);
  check_launch("short_conv_backward");
  const std::int64_t sums = shape.heads * (shape.taps + 1);
  const std::int64_t blocks = (sums + kShortThreads - 1) / kShortThreads;
  short_conv_collect<P><<<short_conv_blocks(blocks), kShortThreads, 0, stream>>>(
      shape.heads, shape.taps, parts, partial, static_cast<P*>(gradients.taps),
      static_cast<P*>(gradients.bias));
  check_launch("short_conv_backward");
}

#define LONGTAIL_SHORT_CONV_OF(E, P)                                                         \
  template void launch_short_conv<E, P>(const longconv::ShortConvShape&,                     \
                                        const longconv::ShortConvInputs&, E*, cudaStream_t); \
  template void launch_short_conv_backward<E, P>(                                            \
      const longconv::ShortConvShape&, const longconv::ShortConvInputs&, const E*,           \
      const longconv::ShortConvGradients&, double*, cudaStream_t);

}  // namespace longtail::cuda
