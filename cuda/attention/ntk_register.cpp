// ntk_attention on CUDA: tensors to pointers, memory for the packed prefix, the launches.
#include "cuda/core/call.h"
#include "cuda/attention/ntk_launch.h"
#include "torch/ntk.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Device;
using on_device::Memory;
using on_device::target;

void check_channels(const char* function, const NtkCall& call) {
  constexpr std::int64_t most = cuda::kTileChannels;
  check_argument(call.shape.channels <= most, function, "q", "of shape " + shape_string(call.q),
                 "at most 256 channels");
  check_argument(call.shape.values <= most, function, "v", "of shape " + shape_string(call.v),
                 "at most 256 channels");
}

// The prefix as the kernels read it.
template <class S>
struct Prefix {
  Memory<S> matrix;
  Memory<double> units;

  explicit Prefix(const NtkCall& call)
      : matrix(call.q, call.shape.prefixes() * call.shape.channels * (call.shape.values + 1)),
        units(call.q, call.shape.prefixes() * 2) {}
};

template <class E, class P>
cuda::NtkProblem<E, cuda::compute_type<E>> problem_of(const NtkCall& call, const Device& device,
                                                      const Prefix<cuda::compute_type<E>>& to) {
  cuda::launch_ntk_prepare<P, cuda::compute_type<E>>(call.shape, data<P>(call.z),
                                                     data<P>(call.kappa), to.matrix.data(),
                                                     to.units.data(), device.stream());
  return cuda::ntk_problem<E>(call.shape, data<E>(call.q), data<E>(call.k), data<E>(call.v),
                              to.matrix.data(), to.units.data());
}

struct CudaBackend {
  static void forward(const NtkCall& call, const Tensor& out, const Tensor& lse) {
    check_channels("ntk_attention", call);
    const Device device(call.q);
    on_device::with_types(call.types.tokens, call.types.prefix, [&]<class E, class P>(E*, P*) {
      const Prefix<cuda::compute_type<E>> prefix(call);
      cuda::launch_ntk_forward<E>(problem_of<E, P>(call, device, prefix), target<E>(out),
                                  target<double>(lse), device.stream());
    });
  }

  template <class Gradients>
  static void backward(const NtkCall& call, const Tensor& grad, const Tensor& out,
                       const Tensor& lse, const Gradients& to) {
    check_channels("ntk_attention_backward", call);
    const auto& [dq, dk, dv, dz, dkappa] = to;
    const Device device(call.q);
    const std::int64_t rows = call.shape.problems() * call.shape.queries;
    on_device::with_types(call.types.tokens, call.types.prefix, [&]<class E, class P>(E*, P*) {
      using S = cuda::compute_type<E>;
      const Prefix<S> prefix(call);
      const Memory<S> slopes(call.q, rows * cuda::kNtkSlopes);
      const auto problem = problem_of<E, P>(call, device, prefix);
      cuda::launch_ntk_backward<E>(problem, data<E>(grad), data<E>(out), data<double>(lse),
                                   slopes.data(), target<E>(dq), target<E>(dk), target<E>(dv),
                                   device.stream());
      cuda::launch_ntk_prefix_backward<E, P>(problem, data<E>(grad), slopes.data(),
                                             data<P>(call.kappa), target<P>(dz), target<P>(dkappa),
                                             device.stream());
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_ntk<CudaBackend>(m); }

}  // namespace longtail::torch_layer
