#include "cuda/multigrid/grid_conv_launch.h"

#include "cuda/multigrid/grid_conv_steps.cuh"
#include "cuda/multigrid/launch.cuh"

namespace longtail::cuda {

using multigrid::GridConvShape;
using multigrid::TransferShape;

namespace {

std::int64_t coarser(std::int64_t points) { return (points + 1) / 2; }

}  // namespace

void launch_grid_conv(const GridConvShape& shape, bool adjoint, const float* x, const float* w,
                      const float* add, const float* bias, float* y, float* memory,
                      cudaStream_t stream) {
  const OnStream launch{stream};
  const GridConvLaunches<OnStream> launches(launch);
  const int in = static_cast<int>(shape.in), out = static_cast<int>(shape.out);
  launches.prepare(
      {{w, memory, adjoint ? in : out, adjoint ? out : in, 3, adjoint, adjoint, false}});
  const GridConvJob job{
      x,           add, memory, bias, y, shape.height,        shape.width, shape.height,
      shape.width, in,  out,    3,    1, GridConvKind::gather};
  launches.convolve(shape.batch, job, nullptr);
}

void launch_grid_conv_weight(const GridConvShape& shape, const float* grad, const float* x,
                             float* dw, float* memory, cudaStream_t stream) {
  const OnStream launch{stream};
  const int parts = gradient_parts(shape.batch, shape.height, shape.width, 1);
  const GridGradientJob job{grad,
                            x,
                            memory,
                            dw,
                            shape.batch,
                            shape.height,
                            shape.width,
                            shape.height,
                            shape.width,
                            static_cast<int>(shape.out),
                            static_cast<int>(shape.in),
                            parts,
                            false};
  GridConvLaunches<OnStream>(launch).gradient(job, 1, 3);
}

void launch_grid_up(const TransferShape& shape, const float* x, const float* w, const float* add,
                    const float* bias, float* y, float* memory, cudaStream_t stream) {
  const OnStream launch{stream};
  const GridConvLaunches<OnStream> launches(launch);
  const int in = static_cast<int>(shape.coarse), out = static_cast<int>(shape.fine);
  launches.prepare({{w, memory, in, out, shape.taps, true, false, false}});
  const GridConvJob job{x,
                        add,
                        memory,
                        bias,
                        y,
                        shape.height,
                        shape.width,
                        coarser(shape.height),
                        coarser(shape.width),
                        in,
                        out,
                        shape.taps,
                        1,
                        GridConvKind::spread};
  launches.convolve(shape.batch, job, nullptr);
}

void launch_grid_down(const TransferShape& shape, const float* x, const float* w, float* y,
                      float* memory, cudaStream_t stream) {
  const OnStream launch{stream};
  const GridConvLaunches<OnStream> launches(launch);
  const int in = static_cast<int>(shape.fine), out = static_cast<int>(shape.coarse);
  launches.prepare({{w, memory, out, in, shape.taps, false, false, false}});
  const GridConvJob job{x,
                        nullptr,
                        memory,
                        nullptr,
                        y,
                        coarser(shape.height),
                        coarser(shape.width),
                        shape.height,
                        shape.width,
                        in,
                        out,
                        shape.taps,
                        2,
                        GridConvKind::gather};
  launches.convolve(shape.batch, job, nullptr);
}

void launch_grid_transfer_weight(const TransferShape& shape, const float* coarse, const float* fine,
                                 float* dw, float* memory, cudaStream_t stream) {
  const OnStream launch{stream};
  const std::int64_t height = coarser(shape.height), width = coarser(shape.width);
  const int parts = gradient_parts(shape.batch, height, width, 2);
  const GridGradientJob job{coarse,
                            fine,
                            memory,
                            dw,
                            shape.batch,
                            height,
                            width,
                            shape.height,
                            shape.width,
                            static_cast<int>(shape.coarse),
                            static_cast<int>(shape.fine),
                            parts,
                            false};
  GridConvLaunches<OnStream>(launch).gradient(job, 2, shape.taps);
}

void launch_learned_cycle(const multigrid::CycleShape& shape, const multigrid::CyclePlan& plan,
                          const multigrid::CycleMemory& fields, const float* weights,
                          const float* bias, float* dw, float* memory, cudaStream_t stream) {
  const OnStream launch{stream};
  CycleLaunches<OnStream>(shape, plan, fields, launch, memory).run(weights, bias, dw);
}

}  // namespace longtail::cuda
