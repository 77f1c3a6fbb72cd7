// The CUDA entry points of short convolutions; no torch here. E is the type of rows, P that of taps
// and bias; what there may be none of may be null.
#pragma once

#include <cuda_runtime.h>

#include "longconv/short_conv.h"

namespace longtail::cuda {

template <class E, class P>
void launch_short_conv(const longconv::ShortConvShape& shape,
                       const longconv::ShortConvInputs& inputs, E* y, cudaStream_t stream);

// Into how many parts the tiles of a channel are cut; by the shape alone, as are all sums.
std::int64_t short_conv_parts(const longconv::ShortConvShape& shape);

// partial [H, parts, W + 1] is memory for the sums of the parts.
template <class E, class P>
void launch_short_conv_backward(const longconv::ShortConvShape& shape,
                                const longconv::ShortConvInputs& inputs, const E* grad,
                                const longconv::ShortConvGradients& gradients, double* partial,
                                cudaStream_t stream);

}  // namespace longtail::cuda
