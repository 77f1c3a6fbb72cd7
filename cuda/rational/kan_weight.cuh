// The gradients of a layer's weights, a sum over rows of phi and grad for which the functions are
// evaluated once more, and of its bias. A block owns a step of inputs, 64 outputs and a group of
// rows.
#pragma once

#include "cuda/core/shared.cuh"
#include "cuda/rational/kan_visit.cuh"

namespace longtail::cuda {

// Sums of a group into its part of partial [groups, outputs, inputs, total]. A thread has every
// 16th of the step's functions and four outputs; only it touches their sums, which become float64
// every kKanFlush tiles.
template <class E, class S>
__global__ void __launch_bounds__(kKanThreads, kan_at_once<S>(2))
    kan_weight_backward(const __grid_constant__ KanLayer<S> layer,
                        const __grid_constant__ KanTiles tiles, const E* grad, const E* x,
                        double* partial) {
  constexpr int kParts = kKanColumns / 16;
  S* grads = dynamic_shared<S>();
  S* phi = grads + kKanTile * kKanOutputs;
  const std::int64_t output_tiles = kan_ceil(layer.outputs, kKanOutputs);
  const std::int64_t output = blockIdx.x % output_tiles * kKanOutputs;
  const std::int64_t input = blockIdx.x / output_tiles % tiles.steps * tiles.step;
  const std::int64_t group = blockIdx.x / output_tiles / tiles.steps;
  const std::int64_t begin = group * tiles.group_rows;
  const std::int64_t end = kan_least(layer.rows, begin + tiles.group_rows);
  const int count = static_cast<int>(kan_least(std::int64_t{tiles.step}, layer.inputs - input));
  const int total = layer.shape.total(), columns = count * total;
  const std::int64_t depth = layer.inputs * total;
  const int my_output = static_cast<int>(threadIdx.x) % 16 * 4;
  const int my_column = static_cast<int>(threadIdx.x) / 16;

  int mine[kParts];  // where the functions start; the last again where there are no more
  for (int j = 0; j < kParts; ++j) {
    const int last = columns - 1, q = my_column + 16 * j < last ? my_column + 16 * j : last;
    mine[j] = (q / total * tiles.slots + q % total) * kKanPitch;
  }
  S sums[kParts][4] = {};
  const auto flush = [&](bool again) {
    for (int j = 0; j < kParts; ++j) {
      const int q = my_column + 16 * j;
      for (int b = 0; b < 4; ++b) {
        const std::int64_t o = output + my_output + b;
        if (q >= columns || o >= layer.outputs) continue;
        double& sum = partial[(group * layer.outputs + o) * depth + input * total + q];
        sum = (again ? sum : 0.0) + static_cast<double>(sums[j][b]);
        sums[j][b] = S(0);
      }
    }
  };
  for (std::int64_t row = begin; row < end; row += kKanTile) {
    __syncthreads();  // the tile before may still be read
    kan_fill<kKanTile, kKanPitch>(layer, x, row, end, input, count, tiles.slots, phi);
    for (int e = threadIdx.x; e < kKanTile * kKanOutputs; e += kKanThreads) {
      const std::int64_t n = row + e / kKanOutputs, o = output + e % kKanOutputs;
      const bool exists = n < end && o < layer.outputs;
      grads[e] = exists ? read_as<S>(grad[n * layer.outputs + o]) : S(0);
    }
    __syncthreads();
    for (int r = 0; r < kKanTile; ++r) {
      const Four<S> g = load_four(grads + r * kKanOutputs + my_output);
      for (int j = 0; j < kParts; ++j) {
        const S p = phi[mine[j] + r];
        for (int b = 0; b < 4; ++b) sums[j][b] = fma(p, g.of[b], sums[j][b]);
      }
    }
    const std::int64_t done = row + kKanTile - begin;
    constexpr std::int64_t kAtOnce = kKanFlush * kKanTile;
    if (done % kAtOnce == 0 || row + kKanTile >= end) flush(done > kAtOnce);
  }
}

// Sums over rows of grad [rows, outputs] into partial [parts, outputs]: 32 outputs and one part of
// kKanBiasRows rows for each warp.
template <class E>
__global__ void __launch_bounds__(kKanThreads)
    kan_bias_backward(std::int64_t rows, std::int64_t outputs, const E* grad, double* partial) {
  const std::int64_t across = kan_ceil(outputs, 32);
  const std::int64_t o = blockIdx.x % across * 32 + threadIdx.x % 32;
  const std::int64_t part = blockIdx.x / across * (kKanThreads / 32) + threadIdx.x / 32;
  const std::int64_t begin = part * kKanBiasRows, end = kan_least(rows, begin + kKanBiasRows);
  if (o >= outputs || begin >= rows) return;
  double sum = 0;
  for (std::int64_t n = begin; n < end; ++n) sum += read_as<double>(grad[n * outputs + o]);
  partial[part * outputs + o] = sum;
}

}  // namespace longtail::cuda
