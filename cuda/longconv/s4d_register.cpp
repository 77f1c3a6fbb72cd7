// Diagonal state spaces on CUDA: tensors to pointers, memory between launches.
#include "cuda/core/call.h"
#include "cuda/core/element_type.h"
#include "cuda/longconv/s4d_launch.h"
#include "torch/s4d.h"

namespace longtail::torch_layer {
namespace {

using on_device::data;
using on_device::Device;
using on_device::Memory;
using on_device::target;

// Calls run(S*) for rows of float64 or float32.
template <class Run>
void with_wide_type(DType dtype, const Run& run) {
  if (dtype == DType::float64) return run(static_cast<double*>(nullptr));
  run(static_cast<float*>(nullptr));
}

struct CudaBackend {
  static void vandermonde(const longconv::VandermondeShape& shape, DType dtype, const Tensor& base,
                          const Tensor& weights, const Tensor& k) {
    const Device device(base);
    with_wide_type(dtype, [&]<class S>(S*) {
      cuda::launch_vandermonde(shape, data<double>(base), data<double>(weights), target<S>(k),
                               device.stream());
    });
  }

  static void transposed(const longconv::VandermondeShape& shape, DType dtype, const Tensor& base,
                         const Tensor& v, const Tensor& sums) {
    const Device device(base);
    const Memory<double> partial(
        sums, 2 * shape.rows * shape.heads * cuda::s4d_tiles(shape.length) * shape.states);
    with_wide_type(dtype, [&]<class S>(S*) {
      cuda::launch_vandermonde_transposed(shape, data<double>(base), data<S>(v), partial.data(),
                                          target<double>(sums), device.stream());
    });
  }

  static void scan(const S4dCall& given_call, const Tensor& y, const Tensor& last) {
    S4dCall call = given_call;
    const Device device(call.u);
    // States move also where nothing is read from them.
    const bool silent = call.shape.outputs == 0;
    with_element_type(call.dtype, [&]<class E>(E*) {
      using S = cuda::compute_type<E>;
      longconv::S4dInputs inputs = {call.u.const_data_ptr(),
                                    data<double>(call.base),
                                    data<double>(call.drive),
                                    data<double>(call.readout),
                                    given(call.skip) ? data<double>(call.skip) : nullptr,
                                    given(call.state) ? data<double>(call.state) : nullptr};
      const std::int64_t rows = call.shape.batch * call.shape.heads * call.shape.length;
      const Memory<E> unread(call.u, silent ? rows : 0);
      if (silent) {
        call.shape.outputs = 1;
        inputs.readout = inputs.drive;
        inputs.skip = nullptr;
      }
      const bool several = call.shape.states > cuda::kS4dLanes;
      const Memory<S> sums(call.u, several ? rows * call.shape.outputs : 0);
      cuda::launch_s4d_scan(call.shape, inputs, sums.data(), silent ? unread.data() : target<E>(y),
                            target<double>(last), device.stream());
    });
  }

  static void step(const Tensor& u, const longconv::S4dStep& step, const Tensor& y,
                   const Tensor& next) {
    const Device device(u);
    with_element_type(step.rows, [&]<class E>(E*) {
      cuda::launch_s4d_step(step, target<E>(y), next.mutable_data_ptr(), device.stream());
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_s4d<CudaBackend>(m); }

}  // namespace longtail::torch_layer
