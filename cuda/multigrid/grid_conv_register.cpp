// Convolutions and cycles of learned multigrid on CUDA: tensors to pointers, memory, the launches.
#include "cuda/core/call.h"
#include "cuda/multigrid/grid_conv_launch.h"
#include "torch/grid_conv.h"
#include "torch/learned_cycle.h"

namespace longtail::torch_layer {
namespace {

using multigrid::GridConvShape;
using multigrid::TransferShape;
using on_device::Device;
using FloatMemory = on_device::Memory<float>;

/// Of partial sums for a weight gradient of so many numbers.
std::int64_t partial_floats(std::int64_t batch, std::int64_t height, std::int64_t width, int stride,
                            std::int64_t size) {
  return size * cuda::gradient_parts(batch, height, width, stride);
}

struct CudaBackend {
  static void conv(const Tensor& like, const GridConvShape& shape, bool adjoint, const float* x,
                   const float* w, const float* add, const float* bias, float* y) {
    const Device device(like);
    const FloatMemory memory(like, cuda::prepared_floats(3, shape.in, shape.out));
    cuda::launch_grid_conv(shape, adjoint, x, w, add, bias, y, memory.data(), device.stream());
  }
  static void conv_weight(const Tensor& like, const GridConvShape& shape, const float* grad,
                          const float* x, float* dw) {
    const Device device(like);
    const FloatMemory memory(
        like, partial_floats(shape.batch, shape.height, shape.width, 1, 9 * shape.in * shape.out));
    cuda::launch_grid_conv_weight(shape, grad, x, dw, memory.data(), device.stream());
  }
  static void up(const Tensor& like, const TransferShape& shape, const float* x, const float* w,
                 const float* add, const float* bias, float* y) {
    const Device device(like);
    const FloatMemory memory(like, cuda::prepared_floats(shape.taps, shape.coarse, shape.fine));
    cuda::launch_grid_up(shape, x, w, add, bias, y, memory.data(), device.stream());
  }
  static void down(const Tensor& like, const TransferShape& shape, const float* x, const float* w,
                   float* y) {
    const Device device(like);
    const FloatMemory memory(like, cuda::prepared_floats(shape.taps, shape.fine, shape.coarse));
    cuda::launch_grid_down(shape, x, w, y, memory.data(), device.stream());
  }
  static void transfer_weight(const Tensor& like, const TransferShape& shape, const float* coarse,
                              const float* fine, float* dw) {
    const Device device(like);
    const FloatMemory memory(
        like, partial_floats(shape.batch, (shape.height + 1) / 2, (shape.width + 1) / 2, 2,
                             shape.taps * shape.taps * shape.coarse * shape.fine));
    cuda::launch_grid_transfer_weight(shape, coarse, fine, dw, memory.data(), device.stream());
  }
};

struct CudaCycle {
  static int late_weights(const multigrid::CycleShape& shape) { return cuda::block_level(shape); }
  static void run(const CycleCall& call, const multigrid::CyclePlan& plan, float* dw) {
    const Device device(call.f);
    const FloatMemory memory(call.f, cuda::cycle_memory(call.shape, plan).total);
    cuda::launch_learned_cycle(call.shape, plan, call.memory, floats_or_null(call.weights),
                               floats_or_null(call.bias), dw, memory.data(), device.stream());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) {
  register_grid_conv<CudaBackend>(m);
  register_learned_cycle<CudaCycle>(m);
}

}  // namespace longtail::torch_layer
