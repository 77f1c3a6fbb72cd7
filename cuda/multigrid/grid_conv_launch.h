// The CUDA entry points of learned multigrid; no torch here. Arguments as in csrc/multigrid/
// winograd.h, grid_transfer.h and learned_cycle_run.h; `memory` is for prepared weights and partial
// sums. Nothing waits for the stream, and nothing is read from the host's memory later: calls may
// be captured in a CUDA graph.
#pragma once

#include <cuda_runtime.h>

#include "cuda/multigrid/grid_conv_plan.h"
#include "multigrid/grid_transfer.h"
#include "multigrid/learned_cycle_run.h"
#include "multigrid/winograd.h"

namespace longtail::cuda {

void launch_grid_conv(const multigrid::GridConvShape& shape, bool adjoint, const float* x,
                      const float* w, const float* add, const float* bias, float* y, float* memory,
                      cudaStream_t stream);
void launch_grid_conv_weight(const multigrid::GridConvShape& shape, const float* grad,
                             const float* x, float* dw, float* memory, cudaStream_t stream);
void launch_grid_up(const multigrid::TransferShape& shape, const float* x, const float* w,
                    const float* add, const float* bias, float* y, float* memory,
                    cudaStream_t stream);
void launch_grid_down(const multigrid::TransferShape& shape, const float* x, const float* w,
                      float* y, float* memory, cudaStream_t stream);
void launch_grid_transfer_weight(const multigrid::TransferShape& shape, const float* coarse,
                                 const float* fine, float* dw, float* memory, cudaStream_t stream);
void launch_learned_cycle(const multigrid::CycleShape& shape, const multigrid::CyclePlan& plan,
                          const multigrid::CycleMemory& fields, const float* weights,
                          const float* bias, float* dw, float* memory, cudaStream_t stream);

}  // namespace longtail::cuda
