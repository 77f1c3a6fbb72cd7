// The CUDA entry points of long convolutions; no torch here. E is the type of rows; taps are of it
// or float32.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/core/element_type.h"
#include "cuda/longconv/fft_layout.h"
#include "longconv/long_conv.h"

namespace longtail::cuda {

// Memory between the steps of a call that needs several: what an L2 cache can hold.
constexpr std::int64_t kConvWorkBytes = std::int64_t{1} << 25;

struct ConvProblem {
  longconv::ConvShape shape;
  longconv::ConvTypes types;
  ConvLayout layout;
  std::int64_t work_bytes = kConvWorkBytes;

  std::int64_t item() const { return types.rows == DType::float64 ? 8 : 4; }
};

// Rows that the memory between steps holds at once, of `spectra` times N complex numbers each.
std::int64_t conv_rows_at_once(const ConvProblem& problem, std::int64_t spectra);

// Numbers of the computing type (doubles for the sums of skips) that a call needs besides tensors.
std::int64_t conv_root_numbers(const ConvProblem& problem);
std::int64_t conv_spectrum_numbers(const ConvProblem& problem);
std::int64_t conv_forward_work(const ConvProblem& problem);
std::int64_t conv_backward_work(const ConvProblem& problem);
std::int64_t conv_skip_sums(const longconv::ConvShape& shape);

// Each fills `roots` anew. A spectrum is [C, H, N, 2].
template <class E>
void launch_conv_spectrum(const ConvProblem& problem, compute_type<E>* roots, const void* k,
                          const void* k_rev, compute_type<E>* spectrum, cudaStream_t stream);
template <class E>
void launch_long_conv(const ConvProblem& problem, compute_type<E>* roots,
                      const longconv::ConvInputs& inputs, compute_type<E>* work, void* y,
                      cudaStream_t stream);
// sums: as many numbers as a spectrum. gradients.taps_before, skip, gate_in, state may be null.
template <class E>
void launch_long_conv_backward(const ConvProblem& problem, compute_type<E>* roots,
                               const longconv::ConvInputs& inputs, const void* grad,
                               const longconv::ConvGradients& gradients, compute_type<E>* work,
                               compute_type<E>* sums, double* skips, cudaStream_t stream);

}  // namespace longtail::cuda
