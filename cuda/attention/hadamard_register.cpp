// Hadamard transforms on CUDA: tensors to pointers, the tensor's device and stream, the launch.
#include "cuda/attention/hadamard_launch.h"
#include "cuda/core/call.h"
#include "cuda/core/element_type.h"
#include "torch/hadamard.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Device;
using on_device::Memory;
using on_device::target;

struct CudaBackend {
  static void hadamard(std::int64_t rows, std::int64_t n, DType dtype, const Tensor& x,
                       double scale, bool transpose, const Tensor& y) {
    const Device device(x);
    const int base = attention::hadamard_base(n);
    const std::int64_t elements = base == 1 ? 0 : rows * n;
    const std::size_t size = dtype == DType::float64 ? sizeof(double) : sizeof(float);
    const Memory<std::byte> scratch(x, elements * static_cast<std::int64_t>(size));
    cuda::with_element_type(dtype, [&]<class E>(E*) {
      cuda::launch_hadamard<E>(rows, base, n / base, data<E>(x), scale, transpose, target<E>(y),
                               scratch.data(), device.stream());
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_hadamard<CudaBackend>(m); }

}  // namespace longtail::torch_layer
