// Hadamard transforms on CUDA: tensors to pointers, the tensor's device and stream, the launch.
#include <torch/csrc/stable/accelerator.h>

#include "cuda/attention/hadamard_launch.h"
#include "cuda/core/element_type.h"
#include "cuda/core/launch.h"
#include "torch/hadamard.h"

namespace longtail::torch_layer {
namespace {

struct CudaBackend {
  static void hadamard(std::int64_t rows, std::int64_t n, DType dtype, const Tensor& x,
                       double scale, bool transpose, const Tensor& y) {
    const torch::stable::accelerator::DeviceGuard guard(x.get_device_index());
    const cudaStream_t stream = cuda::current_stream(x.get_device_index());
    const int base = attention::hadamard_base(n);
    // In doubles, which also hold two floats each.
    const std::int64_t elements = base == 1 ? 0 : rows * n;
    const Tensor scratch =
        float64_buffer(x, dtype == DType::float64 ? elements : (elements + 1) / 2);
    cuda::with_element_type(dtype, [&]<class E>(E*) {
      cuda::launch_hadamard<E>(rows, base, n / base, static_cast<const E*>(x.const_data_ptr()),
                               scale, transpose, static_cast<E*>(y.mutable_data_ptr()),
                               scratch.mutable_data_ptr(), stream);
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_hadamard<CudaBackend>(m); }

}  // namespace longtail::torch_layer
