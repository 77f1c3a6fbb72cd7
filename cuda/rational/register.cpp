// Rational operators on CUDA: tensors to pointers, the tensors' device and stream, the launches.
#include "cuda/core/call.h"
#include "cuda/core/element_type.h"
#include "cuda/rational/launch.h"
#include "torch/rational.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Device;
using on_device::Memory;
using on_device::target;

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

Memory<double> table_of(const RationalProblem& problem, const Tensor& numerator,
                        const Tensor& denominator, cudaStream_t stream) {
  const Tensor a = torch::stable::contiguous(numerator);
  const Tensor b = torch::stable::contiguous(denominator);
  Memory<double> table(a, problem.shape.groups * rational::kSlots);
  cuda::launch_rational_table(problem.shape.groups, rows_of(a), rows_of(b), table.data(), stream);
  return table;
}

struct CudaBackend {
  static void forward(const RationalProblem& problem, const Tensor& x, const Tensor& numerator,
                      const Tensor& denominator, const Tensor& y) {
    const Device device(x);
    const cuda::RationalParams params = params_of(problem);
    const Memory<double> table = table_of(problem, numerator, denominator, device.stream());
    cuda::with_element_type(floating_dtype(x, "rational", "x"), [&]<class E>(E*) {
      cuda::launch_rational_forward<E>(params, table.data(), data<E>(x), target<E>(y),
                                       device.stream());
    });
  }

  static void backward(const RationalProblem& problem, const Tensor& grad, const Tensor& x,
                       const Tensor& numerator, const Tensor& denominator, const Tensor& dx,
                       const Tensor& d_numerator, const Tensor& d_denominator) {
    const Device device(x);
    const cuda::RationalParams params = params_of(problem);
    const Memory<double> table = table_of(problem, numerator, denominator, device.stream());
    const Memory<double> partial(x,
                                 params.groups * cuda::rational_blocks(params) * rational::kSlots);
    cuda::with_element_type(floating_dtype(x, "rational", "x"), [&]<class E>(E*) {
      cuda::launch_rational_backward<E>(params, table.data(), data<E>(grad), data<E>(x),
                                        target<E>(dx), partial.data(), device.stream());
    });
    for (const auto& [out, first] :
         {std::pair{&d_numerator, 0}, std::pair{&d_denominator, rational::kMaxNumerator + 1}}) {
      cuda::launch_rational_collect(params, partial.data(), first, out->mutable_data_ptr(),
                                    floating_dtype(*out, "rational", "coefficients"), out->size(0),
                                    out->size(1), device.stream());
    }
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_rational<CudaBackend>(m); }

}  // namespace longtail::torch_layer
