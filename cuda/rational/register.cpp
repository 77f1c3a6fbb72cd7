// Rational operators on CUDA: tensors to pointers, the tensors' device and stream, the launches.
#include <torch/csrc/stable/accelerator.h>

#include "cuda/core/element_type.h"
#include "cuda/core/launch.h"
#include "cuda/rational/launch.h"
#include "torch/rational.h"

namespace longtail::torch_layer {
namespace {

cuda::CoefficientRows rows_of(const Tensor& tensor) {
  return {tensor.const_data_ptr(), floating_dtype(tensor, "rational", "coefficients"),
          tensor.size(0), tensor.size(1)};
}

cuda::RationalParams params_of(const RationalProblem& problem) {
  check_argument(problem.shape.groups < 65536, "rational", "numerator, denominator",
                 problem.shape.groups, "fewer than 65536 groups on CUDA");
  return {problem.shape.outer, problem.shape.groups, problem.shape.run, problem.version,
          problem.m != 5 || problem.n != 4};
}

Tensor table_of(const RationalProblem& problem, const Tensor& numerator, const Tensor& denominator,
                cudaStream_t stream) {
  const Tensor a = torch::stable::contiguous(numerator);
  const Tensor b = torch::stable::contiguous(denominator);
  Tensor table = float64_buffer(a, problem.shape.groups * rational::kSlots);
  cuda::launch_rational_table(problem.shape.groups, rows_of(a), rows_of(b),
                              static_cast<double*>(table.mutable_data_ptr()), stream);
  return table;
}

struct CudaBackend {
  static void forward(const RationalProblem& problem, const Tensor& x, const Tensor& numerator,
                      const Tensor& denominator, const Tensor& y) {
    const std::int32_t device = x.get_device_index();
    const torch::stable::accelerator::DeviceGuard guard(device);
    const cudaStream_t stream = cuda::current_stream(device);
    const cuda::RationalParams params = params_of(problem);
    const Tensor table = table_of(problem, numerator, denominator, stream);
    cuda::with_element_type(floating_dtype(x, "rational", "x"), [&]<class E>(E*) {
      cuda::launch_rational_forward<E>(params, static_cast<const double*>(table.const_data_ptr()),
                                       static_cast<const E*>(x.const_data_ptr()),
                                       static_cast<E*>(y.mutable_data_ptr()), stream);
    });
  }

  static void backward(const RationalProblem& problem, const Tensor& grad, const Tensor& x,
                       const Tensor& numerator, const Tensor& denominator, const Tensor& dx,
                       const Tensor& d_numerator, const Tensor& d_denominator) {
    const std::int32_t device = x.get_device_index();
    const torch::stable::accelerator::DeviceGuard guard(device);
    const cudaStream_t stream = cuda::current_stream(device);
    const cuda::RationalParams params = params_of(problem);
    const Tensor table = table_of(problem, numerator, denominator, stream);
    const Tensor partial =
        float64_buffer(x, params.groups * cuda::rational_blocks(params) * rational::kSlots);
    auto* sums = static_cast<double*>(partial.mutable_data_ptr());
    cuda::with_element_type(floating_dtype(x, "rational", "x"), [&]<class E>(E*) {
      cuda::launch_rational_backward<E>(params, static_cast<const double*>(table.const_data_ptr()),
                                        static_cast<const E*>(grad.const_data_ptr()),
                                        static_cast<const E*>(x.const_data_ptr()),
                                        static_cast<E*>(dx.mutable_data_ptr()), sums, stream);
    });
    for (const auto& [out, first] :
         {std::pair{&d_numerator, 0}, std::pair{&d_denominator, rational::kMaxNumerator + 1}}) {
      cuda::launch_rational_collect(params, sums, first, out->mutable_data_ptr(),
                                    floating_dtype(*out, "rational", "coefficients"), out->size(0),
                                    out->size(1), stream);
    }
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_rational<CudaBackend>(m); }

}  // namespace longtail::torch_layer
