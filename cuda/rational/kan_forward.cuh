// Forward: the functions written out, and the fused layer, in which a block holds the functions of
// 64 rows and a few inputs at a time and multiplies them with the weights of 64 outputs.
#pragma once

#include "cuda/core/elementwise.cuh"
#include "cuda/core/shared.cuh"
#include "cuda/rational/kan_visit.cuh"

namespace longtail::cuda {

// phi [rows, inputs, K]. A block takes a tile of rows and a step of inputs.
template <class E, class S>
__global__ void __launch_bounds__(kKanThreads)
    kan_basis_forward(const __grid_constant__ KanLayer<S> layer,
                      const __grid_constant__ KanTiles tiles, const E* x, E* phi) {
  S* values = dynamic_shared<S>();
  const std::int64_t row = blockIdx.x / tiles.steps * kKanTile;
  const std::int64_t input = blockIdx.x % tiles.steps * tiles.step;
  const int count = static_cast<int>(kan_least(std::int64_t{tiles.step}, layer.inputs - input));
  kan_fill<kKanTile, kKanPitch>(layer, x, row, layer.rows, input, count, tiles.slots, values);
  __syncthreads();
  const int total = layer.shape.total(), width = count * total;
  const int rows = static_cast<int>(kan_least(std::int64_t{kKanTile}, layer.rows - row));
  for (int e = threadIdx.x; e < rows * width; e += kKanThreads) {
    const int r = e / width, q = e % width, s = q / total, k = q % total;
    phi[((row + r) * layer.inputs + input) * total + q] =
        write_as<E>(values[(s * tiles.slots + k) * kKanPitch + r]);
  }
}

// y = bias + phi W, with W packed as [inputs * total, outputs]. Blocks of neighbouring outputs run
// together, as they read the same x. A thread sums four rows and four outputs of each 64: two
// times 64 evaluate the functions half as often.
template <int Parts, class E, class S>
__global__ void __launch_bounds__(kKanThreads, kan_at_once<S>(4 - Parts))
    kan_linear_forward(const __grid_constant__ KanLayer<S> layer,
                       const __grid_constant__ KanTiles tiles, const E* x, const S* packed,
                       KanSource bias, E* y) {
  constexpr int kWidth = Parts * kKanOutputs;
  S* phi = dynamic_shared<S>();
  S* weights = phi + tiles.step * tiles.slots * kKanRows;
  const std::int64_t output_tiles = kan_ceil(layer.outputs, kWidth);
  const std::int64_t row = blockIdx.x / output_tiles * kKanRows;
  const std::int64_t output = blockIdx.x % output_tiles * kWidth;
  const int total = layer.shape.total();
  const int my_row = static_cast<int>(threadIdx.x) / 16 * 4;
  const int my_output = static_cast<int>(threadIdx.x) % 16 * 4;
  S sums[Parts][4][4];
  const auto for_sums = [&](const auto& visit) {  // visit(sum, row, output)
    for (int part = 0; part < Parts; ++part) {
      for (int a = 0; a < 4; ++a) {
        for (int b = 0; b < 4; ++b) {
          const std::int64_t o = output + part * kKanOutputs + my_output + b;
          visit(sums[part][a][b], row + my_row + a, o);
        }
      }
    }
  };
  for_sums([&](S& sum, std::int64_t, std::int64_t o) {
    const bool biased = bias.data != nullptr && o < layer.outputs;
    sum = biased ? load_element_at<S>(bias.data, o, bias.dtype) : S(0);
  });
  for (std::int64_t input = 0; input < layer.inputs; input += tiles.step) {
    const int count = static_cast<int>(kan_least(std::int64_t{tiles.step}, layer.inputs - input));
    __syncthreads();  // the step before may still be read
    kan_fill<kKanRows, kKanRows>(layer, x, row, layer.rows, input, count, tiles.slots, phi);
    for (int e = threadIdx.x; e < count * total * kWidth; e += kKanThreads) {
      const std::int64_t d = input * total + e / kWidth, o = output + e % kWidth;
      weights[e] = o < layer.outputs ? packed[d * layer.outputs + o] : S(0);
    }
    __syncthreads();
    for (int s = 0; s < count; ++s) {
      const S* left = phi + s * tiles.slots * kKanRows + my_row;
      const S* right = weights + s * total * kWidth + my_output;
      for (int k = 0; k < total; ++k, left += kKanRows, right += kWidth) {
        const Four<S> p = load_four(left);
        for (int part = 0; part < Parts; ++part) {
          const Four<S> w = load_four(right + part * kKanOutputs);
          for (int a = 0; a < 4; ++a) {
            for (int b = 0; b < 4; ++b) {
              sums[part][a][b] = fma(p.of[a], w.of[b], sums[part][a][b]);
            }
          }
        }
      }
    }
  }
  for_sums([&](S sum, std::int64_t n, std::int64_t o) {
    if (n < layer.rows && o < layer.outputs) y[n * layer.outputs + o] = write_as<E>(sum);
  });
}

}  // namespace longtail::cuda
