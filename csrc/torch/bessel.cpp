// Log-Bessel operators on the CPU: tensors to views, then the element-wise driver.
#include "torch/bessel.h"

namespace longtail::torch_layer {
namespace {

struct CpuBackend {
  static void run(Function function, int order_first, int order_second, const Tensor& first,
                  const Tensor& second, const Tensor& out) {
    const bessel::Signature& names = bessel::signature(function);
    const DType in_dtype = floating_dtype(first, names.name, names.first);
    const DType out_dtype = floating_dtype(out, names.name, "out");
    const auto first_strides = byte_strides(first, in_dtype);
    const auto second_strides = byte_strides(second, in_dtype);
    const auto out_strides = byte_strides(out, out_dtype);
    elementwise(bessel::block_kernel(function, order_first, order_second), sizes_of(first),
                {static_cast<const std::byte*>(first.const_data_ptr()), in_dtype, first_strides},
                {static_cast<const std::byte*>(second.const_data_ptr()), in_dtype, second_strides},
                {static_cast<std::byte*>(out.mutable_data_ptr()), out_dtype, out_strides},
                torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_bessel<CpuBackend>(m); }

}  // namespace longtail::torch_layer
