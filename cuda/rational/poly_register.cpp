// Polynomial compositions on CUDA: tensors to pointers, the tensors' device and stream, the
// launches.
#include "cuda/core/call.h"
#include "cuda/core/element_type.h"
#include "cuda/rational/poly_launch.h"
#include "torch/poly.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Memory;
using on_device::target;

// A call on the device of x, with the parameters there.
class Call : public on_device::Device {
 public:
  Call(const Tensor& x, const Tensor& weight, const Tensor& bias)
      : Device(x),
        weight_(torch::stable::contiguous(weight)),
        bias_(torch::stable::contiguous(bias)),
        memory_(x, 1) {
    cuda::launch_poly_parameters(weight_.const_data_ptr(),
                                 floating_dtype(weight_, "poly", "weight"), bias_.const_data_ptr(),
                                 floating_dtype(bias_, "poly", "bias"), memory_.data(), stream());
  }
  const cuda::PolyParameters* parameters() const { return memory_.data(); }
  void collect(const Memory<double>& partial, std::int64_t blocks, const Tensor& d_weight,
               const Tensor& d_bias) const {
    cuda::launch_poly_collect(partial.data(), blocks, d_weight.mutable_data_ptr(),
                              floating_dtype(d_weight, "poly", "weight"), d_bias.mutable_data_ptr(),
                              floating_dtype(d_bias, "poly", "bias"), stream());
  }

 private:
  Tensor weight_, bias_;
  Memory<cuda::PolyParameters> memory_;
};

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
    const Memory<double> partial(x, blocks * 4);
    cuda::with_element_type(floating_dtype(x, "poly", "x"), [&]<class E>(E*) {
      cuda::launch_poly_norm_backward<E>(call.parameters(), eps, shape.rows, shape.columns,
                                         data<E>(grad), data<E>(x), target<E>(dx), partial.data(),
                                         call.stream());
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
    const Memory<double> partial(x, blocks * 4);
    cuda::with_element_type(floating_dtype(x, "poly", "x"), [&]<class E>(E*) {
      cuda::launch_poly_relu_backward<E>(call.parameters(), x.numel(), data<E>(grad), data<E>(x),
                                         target<E>(dx), partial.data(), call.stream());
    });
    call.collect(partial, blocks, d_weight, d_bias);
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_poly<CudaBackend>(m); }

}  // namespace longtail::torch_layer
