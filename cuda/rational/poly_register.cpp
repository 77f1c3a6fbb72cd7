// Polynomial compositions on CUDA: tensors to pointers, the tensors' device and stream, the
// launches.
#include <torch/csrc/stable/accelerator.h>

#include "cuda/core/element_type.h"
#include "cuda/core/launch.h"
#include "cuda/rational/poly_launch.h"
#include "torch/poly.h"

namespace longtail::torch_layer {
namespace {

// Everything a launch needs: the device of x made current, its stream, the parameters on it.
class Call {
 public:
  Call(const Tensor& x, const Tensor& weight, const Tensor& bias)
      : guard_(x.get_device_index()),
        stream_(cuda::current_stream(x.get_device_index())),
        weight_(torch::stable::contiguous(weight)),
        bias_(torch::stable::contiguous(bias)),
        memory_(float64_buffer(x, sizeof(cuda::PolyParameters) / sizeof(double))) {
    cuda::launch_poly_parameters(
        weight_.const_data_ptr(), floating_dtype(weight_, "poly", "weight"), bias_.const_data_ptr(),
        floating_dtype(bias_, "poly", "bias"),
        static_cast<cuda::PolyParameters*>(memory_.mutable_data_ptr()), stream_);
  }
  cudaStream_t stream() const { return stream_; }
  const cuda::PolyParameters* parameters() const {
    return static_cast<const cuda::PolyParameters*>(memory_.const_data_ptr());
  }
  void collect(const Tensor& partial, std::int64_t blocks, const Tensor& d_weight,
               const Tensor& d_bias) const {
    cuda::launch_poly_collect(static_cast<const double*>(partial.const_data_ptr()), blocks,
                              d_weight.mutable_data_ptr(),
                              floating_dtype(d_weight, "poly", "weight"), d_bias.mutable_data_ptr(),
                              floating_dtype(d_bias, "poly", "bias"), stream_);
  }

 private:
  torch::stable::accelerator::DeviceGuard guard_;
  cudaStream_t stream_;
  Tensor weight_, bias_, memory_;
};

template <class E>
const E* data(const Tensor& tensor) {
  return static_cast<const E*>(tensor.const_data_ptr());
}
template <class E>
E* target(const Tensor& tensor) {
  return static_cast<E*>(tensor.mutable_data_ptr());
}

struct CudaBackend {
  static void norm(const RowsOf& shape, const Tensor& x, const Tensor& weight, const Tensor& bias,
                   double eps, const Tensor& y) {
    const Call call(x, weight, bias);
    cuda::with_element_type(floating_dtype(x, "poly", "x"), [&]<class E>(E*) {
      cuda::launch_poly_norm<E>(call.parameters(), eps, shape.rows, shape.columns, data<E>(x),
                                target<E>(y), call.stream());
    });
  }
  static void norm_backward(const RowsOf& shape, const Tensor& grad, const Tensor& x,
                            const Tensor& weight, const Tensor& bias, double eps, const Tensor& dx,
                            const Tensor& d_weight, const Tensor& d_bias) {
    const Call call(x, weight, bias);
    const std::int64_t blocks = cuda::poly_norm_blocks(shape.rows);
    const Tensor partial = float64_buffer(x, blocks * 4);
    cuda::with_element_type(floating_dtype(x, "poly", "x"), [&]<class E>(E*) {
      cuda::launch_poly_norm_backward<E>(call.parameters(), eps, shape.rows, shape.columns,
                                         data<E>(grad), data<E>(x), target<E>(dx),
                                         target<double>(partial), call.stream());
    });
    call.collect(partial, blocks, d_weight, d_bias);
  }
  static void relu(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& y) {
    const Call call(x, weight, bias);
    cuda::with_element_type(floating_dtype(x, "poly", "x"), [&]<class E>(E*) {
      cuda::launch_poly_relu<E>(call.parameters(), x.numel(), data<E>(x), target<E>(y),
                                call.stream());
    });
  }
  static void relu_backward(const Tensor& grad, const Tensor& x, const Tensor& weight,
                            const Tensor& bias, const Tensor& dx, const Tensor& d_weight,
                            const Tensor& d_bias) {
    const Call call(x, weight, bias);
    const std::int64_t blocks = cuda::poly_relu_blocks(x.numel());
    const Tensor partial = float64_buffer(x, blocks * 4);
    cuda::with_element_type(floating_dtype(x, "poly", "x"), [&]<class E>(E*) {
      cuda::launch_poly_relu_backward<E>(call.parameters(), x.numel(), data<E>(grad), data<E>(x),
                                         target<E>(dx), target<double>(partial), call.stream());
    });
    call.collect(partial, blocks, d_weight, d_bias);
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_poly<CudaBackend>(m); }

}  // namespace longtail::torch_layer
