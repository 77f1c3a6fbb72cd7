// The driver behind every two-argument element-wise function on the CPU.
//
// A family writes only block kernels: contiguous double in, contiguous double out, at most
// kBlock elements. This driver does the rest, the same for torch tensors, NumPy arrays and C++
// buffers: walks strided N-d views, converts element types, rounds once into the output type,
// and spreads fixed blocks over threads.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/parallel.h"

namespace longtail {

// out[k] = f(first[k], second[k]) for k < n; n <= kBlock; `out` overlaps no input.
using BlockKernel = void (*)(const double* first, const double* second, double* out,
                             std::int64_t n);

inline constexpr std::int64_t kBlock = 1024;

// Element types. The integers are inputs only; bool reads as uint8.
enum class DType { float64, float32, float16, bfloat16, int8, uint8, int16, uint16 };

std::int64_t item_size(DType dtype);
std::string_view to_string(DType dtype);

// The elements at data + sum_d index[d] * strides[d] bytes. Strides may be 0 (expanded inputs) or
// negative; they are in bytes, as NumPy's are, and multiples of the element's alignment.
template <class Byte>
struct StridedView {
  Byte* data;
  DType dtype;
  std::span<const std::int64_t> strides;
};

using InputView = StridedView<const std::byte>;
using OutputView = StridedView<std::byte>;

// Evaluates `kernel` at every index of the box `sizes` (no dimension: one element; a zero: none).
// `out` may be an input itself, element for element, and must not overlap one otherwise.
// Throws std::invalid_argument if the views' ranks differ from that of `sizes`.
void elementwise(BlockKernel kernel, std::span<const std::int64_t> sizes, const InputView& first,
                 const InputView& second, const OutputView& out,
                 const ParallelFor& parallel_for = {});

}  // namespace longtail
