// long_conv on CUDA: tensors to pointers, memory between the steps, the launches.
#include <torch/csrc/stable/ops.h>

#include "cuda/core/call.h"
#include "cuda/longconv/long_conv_launch.h"
#include "torch/long_conv.h"

namespace longtail::torch_layer {
namespace {

using cuda::ConvProblem;
using on_device::Device;
using on_device::Memory;
using torch::headeronly::ScalarType;

const void* data_or_null(const Tensor& tensor) {
  return given(tensor) ? tensor.const_data_ptr() : nullptr;
}
void* target_or_null(const Tensor& tensor) {
  return given(tensor) ? tensor.mutable_data_ptr() : nullptr;
}

longconv::ConvInputs inputs_of(const ConvCall& call, const Tensor& spectrum,
                               const Tensor& gate_out) {
  return {call.u.const_data_ptr(),    spectrum.const_data_ptr(), data_or_null(call.skip),
          data_or_null(call.gate_in), data_or_null(gate_out),    data_or_null(call.state)};
}

// How large transforms are depends on the shared memory of the device.
ConvProblem problem_of(const ConvCall& call) {
  constexpr int kEveryDeviceHas = 48 << 10;
  int bytes = kEveryDeviceHas;
  const bool known = cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin,
                                            call.u.get_device_index()) == cudaSuccess;
  const int item = call.types.rows == DType::float64 ? 8 : 4;
  return {call.shape, call.types,
          cuda::conv_layout(call.shape, known ? bytes : kEveryDeviceHas, item)};
}

struct CudaBackend {
  static std::vector<std::int64_t> spectrum_sizes(const ConvCall& call) {
    return {cuda::conv_spectrum_numbers(problem_of(call))};
  }

  static Tensor spectrum(const ConvCall& call) {
    const Device device(call.u);
    const ConvProblem problem = problem_of(call);
    const ScalarType type =
        call.types.rows == DType::float64 ? ScalarType::Double : ScalarType::Float;
    const Tensor result =
        torch::stable::new_empty(call.u, {cuda::conv_spectrum_numbers(problem)}, type);
    cuda::with_element_type(call.types.rows, [&]<class E>(E*) {
      using S = cuda::compute_type<E>;
      const Memory<S> roots(call.u, cuda::conv_root_numbers(problem));
      cuda::launch_conv_spectrum<E>(problem, roots.data(), call.k.const_data_ptr(),
                                    data_or_null(call.k_rev),
                                    static_cast<S*>(result.mutable_data_ptr()), device.stream());
    });
    return result;
  }

  static void forward(const ConvCall& call, const Tensor& spectrum, const Tensor& y) {
    // Kernels read pairs at once; a caller's own spectrum may begin anywhere.
    const auto address = reinterpret_cast<std::uintptr_t>(spectrum.const_data_ptr());
    const bool aligned = address % (2 * sizeof(double)) == 0;
    convolve(call, aligned ? spectrum : torch::stable::clone(spectrum), call.gate_out, y);
  }

  static void backward(const ConvCall& call, const Tensor& grad, const ConvGradientTensors& to) {
    const auto& [du, dk, dk_rev, dskip, dgate_in, dgate_out, dstate] = to;
    const Device device(call.u);
    const ConvProblem problem = problem_of(call);
    const Tensor of_taps = spectrum(call);
    const longconv::ConvGradients gradients = {du.mutable_data_ptr(),    dk.mutable_data_ptr(),
                                               target_or_null(dk_rev),   target_or_null(dskip),
                                               target_or_null(dgate_in), target_or_null(dstate)};
    cuda::with_element_type(call.types.rows, [&]<class E>(E*) {
      using S = cuda::compute_type<E>;
      const Memory<S> roots(call.u, cuda::conv_root_numbers(problem));
      const Memory<S> work(call.u, cuda::conv_backward_work(problem));
      const Memory<S> sums(call.u, cuda::conv_spectrum_numbers(problem));
      const Memory<double> skips(call.u, cuda::conv_skip_sums(call.shape));
      cuda::launch_long_conv_backward<E>(
          problem, roots.data(), inputs_of(call, of_taps, call.gate_out), grad.const_data_ptr(),
          gradients, work.data(), sums.data(), skips.data(), device.stream());
    });
    if (given(call.gate_out)) convolve(call, of_taps, grad, dgate_out);
  }

 private:
  static void convolve(const ConvCall& call, const Tensor& spectrum, const Tensor& gate_out,
                       const Tensor& y) {
    const Device device(call.u);
    const ConvProblem problem = problem_of(call);
    cuda::with_element_type(call.types.rows, [&]<class E>(E*) {
      using S = cuda::compute_type<E>;
      const Memory<S> roots(call.u, cuda::conv_root_numbers(problem));
      const Memory<S> work(call.u, cuda::conv_forward_work(problem));
      cuda::launch_long_conv<E>(problem, roots.data(), inputs_of(call, spectrum, gate_out),
                                work.data(), y.mutable_data_ptr(), device.stream());
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_long_conv<CudaBackend>(m); }

}  // namespace longtail::torch_layer
