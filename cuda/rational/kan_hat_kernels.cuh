// Layers of Mexican hats, whose functions belong to edges: every row, output and input is a
// function of its own, so tiles in shared memory save reading only, never evaluating.
#pragma once

#include "cuda/core/elementwise.cuh"
#include "cuda/core/element_type.h"
#include "cuda/core/shared.cuh"
#include "cuda/rational/kan_layout.h"
#include "rational/kan_hat.h"

namespace longtail::cuda {

constexpr int kHatSlice = 16;  // inputs or outputs of a sum that are in shared memory at a time

// Edges of some outputs and inputs in shared memory: [3][first][Width], so that neighbours in
// the second index are neighbours there.
template <int Height, int Width, class S>
struct HatTile {
  S of[3][Height][Width + 1];

  __device__ rational::Edge<S> edge(int a, int b) const {
    return {of[0][a][b], of[1][a][b], of[2][a][b]};
  }
  __device__ void set(int a, int b, const HatLayer<S>& layer, std::int64_t output,
                      std::int64_t input) {
    const std::int64_t count = layer.outputs * layer.inputs;
    for (int p = 0; p < 3; ++p) {
      of[p][a][b] = output < layer.outputs && input < layer.inputs
                        ? layer.edges[p * count + output * layer.inputs + input]
                        : S(0);
    }
  }
};

// A tile [Height][Width] of a matrix [rows, columns], zeros where it ends.
template <int Height, int Width, class S>
struct HatMatrix {
  S of[Height][Width + 1];

  template <class E>
  __device__ void load(const E* from, std::int64_t row, std::int64_t rows, std::int64_t column,
                       std::int64_t columns) {
    for (int e = threadIdx.x; e < Height * Width; e += kKanThreads) {
      const std::int64_t n = row + e / Width, c = column + e % Width;
      of[e / Width][e % Width] = n < rows && c < columns ? read_as<S>(from[n * columns + c]) : S(0);
    }
  }
};

// y. A block takes 32 rows and 64 outputs, a thread one output and eight of the rows; sums of a
// slice of inputs become float64.
template <class E, class S>
__global__ void __launch_bounds__(kKanThreads)
    hat_forward(const __grid_constant__ HatLayer<S> layer, const E* x, KanSource bias, E* y) {
  constexpr int kEach = kKanTile * kKanOutputs / kKanThreads;
  __shared__ HatTile<kHatSlice, kKanOutputs, S> tile;
  __shared__ HatMatrix<kKanTile, kHatSlice, S> points;
  const std::int64_t output_tiles = kan_ceil(layer.outputs, kKanOutputs);
  const std::int64_t row = blockIdx.x / output_tiles * kKanTile;
  const std::int64_t output = blockIdx.x % output_tiles * kKanOutputs;
  const int mine = static_cast<int>(threadIdx.x) % kKanOutputs;
  const int my_row = static_cast<int>(threadIdx.x) / kKanOutputs * kEach;
  const std::int64_t o = output + mine;
  const bool biased = bias.data != nullptr && o < layer.outputs;
  const double start = biased ? load_element_at<double>(bias.data, o, bias.dtype) : 0;
  double sums[kEach];
  for (int a = 0; a < kEach; ++a) sums[a] = start;
  for (std::int64_t input = 0; input < layer.inputs; input += kHatSlice) {
    const int count = static_cast<int>(kan_least(kHatSlice, layer.inputs - input));
    __syncthreads();  // the slice before may still be read
    for (int e = threadIdx.x; e < kHatSlice * kKanOutputs; e += kKanThreads) {
      const int i = e % kHatSlice, b = e / kHatSlice;
      tile.set(i, b, layer, output + b, input + i);
    }
    points.load(x, row, layer.rows, input, layer.inputs);
    __syncthreads();
    S of_slice[kEach] = {};
    for (int i = 0; i < count; ++i) {
      const rational::Edge<S> edge = tile.edge(i, mine);
      for (int a = 0; a < kEach; ++a) {
        const S u = (points.of[my_row + a][i] - edge.shift) * edge.inverse;
        of_slice[a] = fma(edge.weight, rational::mexican_hat(u).value, of_slice[a]);
      }
    }
    for (int a = 0; a < kEach; ++a) sums[a] += static_cast<double>(of_slice[a]);
  }
  for (int a = 0; a < kEach; ++a) {
    const std::int64_t n = row + my_row + a;
    if (n < layer.rows && o < layer.outputs) y[n * layer.outputs + o] = write_as<E>(S(sums[a]));
  }
}

// dx. A block takes 32 rows and 32 inputs, a thread one input and four of the rows.
template <class E, class S>
__global__ void __launch_bounds__(kKanThreads)
    hat_pull(const __grid_constant__ HatLayer<S> layer, const E* grad, const E* x, E* dx) {
  constexpr int kEach = kKanTile * 32 / kKanThreads;
  __shared__ HatTile<kHatSlice, 32, S> tile;
  __shared__ HatMatrix<kKanTile, kHatSlice, S> grads;
  const std::int64_t input_tiles = kan_ceil(layer.inputs, 32);
  const std::int64_t row = blockIdx.x / input_tiles * kKanTile;
  const std::int64_t input = blockIdx.x % input_tiles * 32;
  const int mine = static_cast<int>(threadIdx.x) % 32;
  const int my_row = static_cast<int>(threadIdx.x) / 32 * kEach;
  S points[kEach], sums[kEach] = {};
  for (int a = 0; a < kEach; ++a) {
    const std::int64_t n = row + my_row + a, i = input + mine;
    const bool exists = n < layer.rows && i < layer.inputs;
    points[a] = exists ? read_as<S>(x[n * layer.inputs + i]) : S(0);
  }
  for (std::int64_t output = 0; output < layer.outputs; output += kHatSlice) {
    const int count = static_cast<int>(kan_least(kHatSlice, layer.outputs - output));
    __syncthreads();  // the slice before may still be read
    for (int e = threadIdx.x; e < kHatSlice * 32; e += kKanThreads) {
      tile.set(e / 32, e % 32, layer, output + e / 32, input + e % 32);
    }
    grads.load(grad, row, layer.rows, output, layer.outputs);
    __syncthreads();
    for (int o = 0; o < count; ++o) {
      const rational::Edge<S> edge = tile.edge(o, mine);
      for (int a = 0; a < kEach; ++a) {
        sums[a] += rational::pull_edge(edge, grads.of[my_row + a][o], points[a]).x;
      }
    }
  }
  for (int a = 0; a < kEach; ++a) {
    const std::int64_t n = row + my_row + a, i = input + mine;
    if (n < layer.rows && i < layer.inputs) dx[n * layer.inputs + i] = write_as<E>(sums[a]);
  }
}

// Sums of a group of rows into its parts of partial [3, groups, outputs, inputs], of weights,
// scales and shifts. A thread has one input and four of the outputs; sums of a tile become float64.
template <class E, class S>
__global__ void __launch_bounds__(kKanThreads)
    hat_edges_backward(const __grid_constant__ HatLayer<S> layer,
                       const __grid_constant__ KanTiles tiles, const E* grad, const E* x,
                       double* partial) {
  constexpr int kEach = 32 * 32 / kKanThreads;
  __shared__ HatMatrix<kKanTile, 32, S> points, grads;
  const std::int64_t input_tiles = kan_ceil(layer.inputs, 32);
  const std::int64_t blocks = input_tiles * kan_ceil(layer.outputs, 32);
  const std::int64_t group = blockIdx.x / blocks;
  const std::int64_t output = blockIdx.x % blocks / input_tiles * 32;
  const std::int64_t input = blockIdx.x % blocks % input_tiles * 32;
  const int mine = static_cast<int>(threadIdx.x) % 32;
  const int my_output = static_cast<int>(threadIdx.x) / 32 * kEach;
  const std::int64_t size = layer.outputs * layer.inputs, i = input + mine;
  rational::Edge<S> edges[kEach] = {};
  double sums[3][kEach] = {};
  for (int b = 0; b < kEach; ++b) {
    const std::int64_t o = output + my_output + b, at = o * layer.inputs + i;
    if (o >= layer.outputs || i >= layer.inputs) continue;
    edges[b] = {layer.edges[at], layer.edges[size + at], layer.edges[2 * size + at]};
  }
  const std::int64_t end = kan_least(layer.rows, (group + 1) * tiles.group_rows);
  for (std::int64_t row = group * tiles.group_rows; row < end; row += kKanTile) {
    const int count = static_cast<int>(kan_least(kKanTile, end - row));
    __syncthreads();  // the tile before may still be read
    points.load(x, row, end, input, layer.inputs);
    grads.load(grad, row, end, output, layer.outputs);
    __syncthreads();
    S of_tile[3][kEach] = {};
    for (int r = 0; r < count; ++r) {
      for (int b = 0; b < kEach; ++b) {
        const rational::EdgePull<S> pulled =
            rational::pull_edge(edges[b], grads.of[r][my_output + b], points.of[r][mine]);
        of_tile[0][b] += pulled.weight;
        of_tile[1][b] += pulled.scale;
        of_tile[2][b] += pulled.shift;
      }
    }
    for (int p = 0; p < 3; ++p) {
      for (int b = 0; b < kEach; ++b) sums[p][b] += static_cast<double>(of_tile[p][b]);
    }
  }
  for (int p = 0; p < 3; ++p) {
    for (int b = 0; b < kEach; ++b) {
      const std::int64_t o = output + my_output + b;
      if (o >= layer.outputs || i >= layer.inputs) continue;
      partial[(p * tiles.groups + group) * size + o * layer.inputs + i] = sums[p][b];
    }
  }
}

}  // namespace longtail::cuda
