// The bodies of the launches that depend on the element type.
#pragma once

#include <limits>

#include "core/check.h"
#include "cuda/core/launch.h"
#include "cuda/rational/kan_forward.cuh"
#include "cuda/rational/kan_hat_kernels.cuh"
#include "cuda/rational/kan_launch.h"
#include "cuda/rational/kan_pull.cuh"
#include "cuda/rational/kan_weight.cuh"

namespace longtail::cuda {

// Launches `kernel` with `shared` bytes; more than 48 KiB must be asked for.
template <class... Parameters, class... Arguments>
void launch_kan(const char* name, void (*kernel)(Parameters...), std::int64_t blocks,
                std::int64_t shared, cudaStream_t stream, const Arguments&... arguments) {
  check_argument(blocks <= std::numeric_limits<int>::max(), name, "x", blocks,
                 "at most 2^31 - 1 blocks of its rows and inputs");
  if (shared > 48 * 1024) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(shared));
  }
  kernel<<<static_cast<unsigned>(blocks), kKanThreads, static_cast<std::size_t>(shared), stream>>>(
      arguments...);
  check_launch(name);
}

template <class E>
void launch_kan_basis(const KanLayer<compute_type<E>>& layer, const E* x, E* phi,
                      cudaStream_t stream) {
  using S = compute_type<E>;
  if (layer.rows == 0) return;
  const KanTiles tiles = kan_basis_tiles(layer);
  launch_kan("kan_basis", kan_basis_forward<E, S>, kan_ceil(layer.rows, kKanTile) * tiles.steps,
             tiles.shared * sizeof(S), stream, layer, tiles, x, phi);
}

template <class E>
void launch_kan_linear(const KanLayer<compute_type<E>>& layer, const E* x,
                       const compute_type<E>* packed, const KanSource& bias, E* y,
                       cudaStream_t stream) {
  using S = compute_type<E>;
  if (layer.rows == 0 || layer.outputs == 0) return;
  const KanTiles tiles = kan_forward_tiles(layer);
  const auto kernel = tiles.parts == 2 ? kan_linear_forward<2, E, S> : kan_linear_forward<1, E, S>;
  launch_kan("kan_linear", kernel,
             kan_ceil(layer.rows, kKanRows) * kan_ceil(layer.outputs, tiles.parts * kKanOutputs),
             tiles.shared * sizeof(S), stream, layer, tiles, x, packed, bias, y);
}

template <class E>
void launch_kan_pull(const KanLayer<compute_type<E>>& layer, const E* grad, const E* x,
                     const compute_type<E>* weight, E* dx, double* first, double* second,
                     cudaStream_t stream) {
  using S = compute_type<E>;
  if (layer.rows == 0) return;
  const KanTiles tiles = kan_pull_tiles(layer);
  launch_kan("kan_backward", kan_pull<E, S>, tiles.groups * tiles.steps, tiles.shared * sizeof(S),
             stream, layer, tiles, grad, x, weight, dx, first, second);
}

template <class E>
void launch_kan_weight(const KanLayer<compute_type<E>>& layer, const E* grad, const E* x,
                       double* partial, cudaStream_t stream) {
  using S = compute_type<E>;
  if (layer.rows == 0 || layer.outputs == 0) return;
  const KanTiles tiles = kan_weight_tiles(layer);
  launch_kan("kan_linear_backward", kan_weight_backward<E, S>,
             tiles.groups * tiles.steps * kan_ceil(layer.outputs, kKanOutputs),
             tiles.shared * sizeof(S), stream, layer, tiles, grad, x, partial);
}

template <class E>
void launch_kan_bias(std::int64_t rows, std::int64_t outputs, const E* grad, double* partial,
                     cudaStream_t stream) {
  if (rows == 0 || outputs == 0) return;
  const std::int64_t parts = kan_ceil(kan_bias_parts(rows), kKanThreads / 32);
  launch_kan("kan_linear_backward", kan_bias_backward<E>, parts * kan_ceil(outputs, 32), 0, stream,
             rows, outputs, grad, partial);
}

template <class E>
void launch_hat(const HatLayer<compute_type<E>>& layer, const E* x, const KanSource& bias, E* y,
                cudaStream_t stream) {
  using S = compute_type<E>;
  if (layer.rows == 0 || layer.outputs == 0) return;
  launch_kan("mexican_hat_linear", hat_forward<E, S>,
             kan_ceil(layer.rows, kKanTile) * kan_ceil(layer.outputs, kKanOutputs), 0, stream,
             layer, x, bias, y);
}

template <class E>
void launch_hat_backward(const HatLayer<compute_type<E>>& layer, const E* grad, const E* x, E* dx,
                         double* partial, cudaStream_t stream) {
  using S = compute_type<E>;
  if (layer.rows == 0) return;
  launch_kan("mexican_hat_linear_backward", hat_pull<E, S>,
             kan_ceil(layer.rows, kKanTile) * kan_ceil(layer.inputs, 32), 0, stream, layer, grad, x,
             dx);
  if (layer.outputs == 0) return;
  const KanTiles tiles = hat_tiles(layer.rows, layer.inputs, layer.outputs);
  launch_kan("mexican_hat_linear_backward", hat_edges_backward<E, S>,
             tiles.groups * hat_blocks(layer.inputs, layer.outputs), 0, stream, layer, tiles, grad,
             x, partial);
}

#define LONGTAIL_KAN_OF(E)                                                                         \
  template void launch_kan_basis<E>(const KanLayer<compute_type<E>>&, const E*, E*, cudaStream_t); \
  template void launch_kan_linear<E>(const KanLayer<compute_type<E>>&, const E*,                   \
                                     const compute_type<E>*, const KanSource&, E*, cudaStream_t);  \
  template void launch_kan_pull<E>(const KanLayer<compute_type<E>>&, const E*, const E*,           \
                                   const compute_type<E>*, E*, double*, double*, cudaStream_t);    \
  template void launch_kan_weight<E>(const KanLayer<compute_type<E>>&, const E*, const E*,         \
                                     double*, cudaStream_t);                                       \
  template void launch_kan_bias<E>(std::int64_t, std::int64_t, const E*, double*, cudaStream_t);   \
  template void launch_hat<E>(const HatLayer<compute_type<E>>&, const E*, const KanSource&, E*,    \
                              cudaStream_t);                                                       \
  template void launch_hat_backward<E>(const HatLayer<compute_type<E>>&, const E*, const E*, E*,   \
                                       double*, cudaStream_t);

}  // namespace longtail::cuda
