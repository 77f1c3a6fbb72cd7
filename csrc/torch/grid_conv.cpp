// Convolutions of multigrid modules on the CPU.
#include "torch/grid_conv.h"

namespace longtail::torch_layer {
namespace {

using multigrid::GridConvShape;
using multigrid::TransferShape;

struct CpuBackend {
  static void conv(const Tensor&, const GridConvShape& shape, bool adjoint, const float* x,
                   const float* w, const float* add, const float* bias, float* y) {
    multigrid::grid_conv(shape, adjoint, x, w, add, bias, y, torch_parallel_for());
  }
  static void conv_weight(const Tensor&, const GridConvShape& shape, const float* grad,
                          const float* x, float* dw) {
    multigrid::grid_conv_weight(shape, grad, x, dw, torch_parallel_for());
  }
  static void up(const Tensor&, const TransferShape& shape, const float* x, const float* w,
                 const float* add, const float* bias, float* y) {
    multigrid::grid_up(shape, x, w, add, bias, y, torch_parallel_for());
  }
  static void down(const Tensor&, const TransferShape& shape, const float* x, const float* w,
                   float* y) {
    multigrid::grid_down(shape, x, w, y, torch_parallel_for());
  }
  static void transfer_weight(const Tensor&, const TransferShape& shape, const float* coarse,
                              const float* fine, float* dw) {
    multigrid::grid_transfer_weight(shape, coarse, fine, dw, torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_grid_conv<CpuBackend>(m); }

}  // namespace longtail::torch_layer
