#include "torch/tensor.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace longtail::torch_layer {
namespace {

using torch::headeronly::ScalarType;

std::string describe_device(const Tensor& tensor) {
  if (tensor.is_cpu()) return "cpu";
  return (tensor.is_cuda() ? "cuda:" : "device ") + std::to_string(tensor.get_device_index());
}

// The half-open range of addresses that the elements of a non-empty tensor lie in.
struct AddressRange {
  const char* begin;
  const char* end;
};

AddressRange address_range(const Tensor& tensor) {
  const auto sizes = tensor.sizes();
  const auto strides = tensor.strides();
  std::int64_t last = 0;
  for (std::size_t d = 0; d < sizes.size(); ++d) last += (sizes[d] - 1) * strides[d];
  const auto* begin = static_cast<const char*>(tensor.const_data_ptr());
  return {begin, begin + (last + 1) * static_cast<std::int64_t>(tensor.element_size())};
}

}  // namespace

std::string shape_string(const Tensor& tensor) {
  std::string text = "[";
  for (std::int64_t size : tensor.sizes()) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  }
  return text + "]";
}

DType floating_dtype(const Tensor& tensor, std::string_view function, std::string_view name) {
  switch (tensor.scalar_type()) {
    case ScalarType::Double:
      return DType::float64;
    case ScalarType::Float:
      return DType::float32;
    case ScalarType::Half:
      return DType::float16;
    case ScalarType::BFloat16:
      return DType::bfloat16;
    default:
      fail_argument(function, name,
                    std::string("of dtype ") + torch::headeronly::toString(tensor.scalar_type()),
                    "a tensor of float64, float32, float16 or bfloat16");
  }
}

void check_same_shape(const Tensor& tensor, const Tensor& model, std::string_view function,
                      std::string_view name, std::string_view model_name) {
  const auto sizes = tensor.sizes();
  const auto wanted = model.sizes();
  if (!std::equal(sizes.begin(), sizes.end(), wanted.begin(), wanted.end())) {
    fail_argument(function, name, "of shape " + shape_string(tensor),
                  "the shape of " + std::string(model_name) + ", " + shape_string(model));
  }
}

void check_same_dtype(const Tensor& tensor, const Tensor& model, std::string_view function,
                      std::string_view name, std::string_view model_name) {
  if (tensor.scalar_type() != model.scalar_type()) {
    fail_argument(function, name,
                  std::string("of dtype ") + torch::headeronly::toString(tensor.scalar_type()),
                  "the dtype of " + std::string(model_name) + ", " +
                      torch::headeronly::toString(model.scalar_type()));
  }
}

void check_same_device(const Tensor& tensor, const Tensor& model, std::string_view function,
                       std::string_view name, std::string_view model_name) {
  if (tensor.device() != model.device()) {
    fail_argument(function, name, "on " + describe_device(tensor),
                  "the device of " + std::string(model_name) + ", " + describe_device(model));
  }
}

bool is_safe_output(const Tensor& out, const Tensor& input) {
  if (out.numel() == 0) return true;
  const AddressRange written = address_range(out);
  const AddressRange read = address_range(input);
  if (written.begin >= read.end || read.begin >= written.end) return true;
  if (written.begin != read.begin || out.scalar_type() != input.scalar_type()) return false;
  for (std::int64_t d = 0; d < out.dim(); ++d) {
    if (out.size(d) > 1 && out.stride(d) != input.stride(d)) return false;
  }
  return true;
}

void check_no_internal_overlap(const Tensor& out, std::string_view function) {
  // Sorted by stride, each dimension must step over all that the ones before it cover.
  std::vector<std::array<std::int64_t, 2>> dimensions;  // {stride, size}
  for (std::int64_t d = 0; d < out.dim(); ++d) {
    if (out.size(d) > 1) dimensions.push_back({out.stride(d), out.size(d)});
  }
  std::ranges::sort(dimensions);
  std::int64_t covered = 1;
  for (const auto& [stride, size] : dimensions) {
    check_argument(stride >= covered, function, "out", "a view whose elements share memory",
                   "one element of memory per index (not expanded)");
    covered += (size - 1) * stride;
  }
}

std::vector<std::int64_t> byte_strides(const Tensor& tensor, DType dtype) {
  const auto strides = tensor.strides();
  std::vector<std::int64_t> bytes(strides.begin(), strides.end());
  for (std::int64_t& stride : bytes) stride *= item_size(dtype);
  return bytes;
}

std::vector<std::int64_t> sizes_of(const Tensor& tensor) {
  const auto sizes = tensor.sizes();
  return {sizes.begin(), sizes.end()};
}

Tensor empty_contiguous(const Tensor& model) {
  return torch::stable::new_empty(model, model.sizes());
}

Tensor float64_buffer(const Tensor& like, std::int64_t size) {
  const std::array<std::int64_t, 1> sizes = {size};
  return torch::stable::new_empty(like, sizes, ScalarType::Double);
}

const ParallelFor& torch_parallel_for() {
  static const ParallelFor hook = [](std::int64_t begin, std::int64_t end, std::int64_t grain,
                                     const RangeTask& task) {
    torch::stable::parallel_for(begin, end, grain, task);
  };
  return hook;
}

}  // namespace longtail::torch_layer
