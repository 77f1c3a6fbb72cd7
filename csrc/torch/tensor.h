// What the torch layer needs besides the stable ABI itself: checks and views of tensors.
//
// These files only unwrap tensors; anything that computes lives below, without torch. Public
// Python functions promote, broadcast and give the documented errors, so the checks here are for
// callers of raw torch.ops.longtail.* operators and of AOTInductor programs.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::torch_layer {

using torch::stable::Tensor;

// "[2, 3]"
std::string shape_string(const Tensor& tensor);

// The element type, or std::invalid_argument if it is none of the four floating-point types.
DType floating_dtype(const Tensor& tensor, std::string_view function, std::string_view name);

// Throw std::invalid_argument unless `tensor` has the shape (element type, device) of `model`,
// which the caller knows as `model_name`.
void check_same_shape(const Tensor& tensor, const Tensor& model, std::string_view function,
                      std::string_view name, std::string_view model_name);
void check_same_dtype(const Tensor& tensor, const Tensor& model, std::string_view function,
                      std::string_view name, std::string_view model_name);
void check_same_device(const Tensor& tensor, const Tensor& model, std::string_view function,
                       std::string_view name, std::string_view model_name);

// True if `out` may be written element by element while `input`, of the same shape, is still being
// read: they share no memory, or are the same view.
bool is_safe_output(const Tensor& out, const Tensor& input);

// Throws std::invalid_argument if two indices of `out` may share memory (expanded tensors).
void check_no_internal_overlap(const Tensor& out, std::string_view function);

// Strides in bytes, as the element-wise driver wants them.
std::vector<std::int64_t> byte_strides(const Tensor& tensor, DType dtype);

std::vector<std::int64_t> sizes_of(const Tensor& tensor);

// An uninitialised contiguous tensor of the shape, element type and device of `model`. The fakes
// in Python promise the same layout, whatever the strides of the inputs.
Tensor empty_contiguous(const Tensor& model);

// torch::stable::contiguous, which looks its operator up by name, only where there is work to do.
inline Tensor as_contiguous(const Tensor& tensor) {
  return tensor.is_contiguous() ? tensor : torch::stable::contiguous(tensor);
}

// Runs `write(target)` so that `out`, of the shape, dtype and device of x, holds its result. The
// kernels want contiguous memory that is x itself or apart from it: where `out` is not that, the
// target is a new tensor, copied over at the end. `x` is contiguous.
template <class Write>
void with_output(std::string_view function, const Tensor& x, Tensor& out, const Write& write) {
  check_same_dtype(out, x, function, "out", "x");
  check_same_shape(out, x, function, "out", "x");
  check_same_device(out, x, function, "out", "x");
  check_no_internal_overlap(out, function);
  if (out.is_contiguous() && is_safe_output(out, x)) {
    write(out);
  } else {
    const Tensor result = empty_contiguous(x);
    write(result);
    torch::stable::copy_(out, result);
  }
}

// `size` uninitialised doubles on the device of `like`.
Tensor float64_buffer(const Tensor& like, std::int64_t size);

// torch's own thread pool as the hook of csrc/core/parallel.h.
const ParallelFor& torch_parallel_for();

}  // namespace longtail::torch_layer
