// Backward through the functions: from the gradient of phi to those of x and of the functions' own
// parameters. The gradient of phi is grad itself (kan_basis) or grad W (the layer), formed in
// shared memory and never written out.
#pragma once

#include "cuda/core/shared.cuh"
#include "cuda/rational/kan_visit.cuh"

namespace longtail::cuda {

// d_phi[(s * total + k) * kKanPitch + r] for a tile of rows, from grad [rows, inputs, K].
template <class E, class S>
__device__ inline void kan_load_pulled(const KanLayer<S>& layer, const E* grad, std::int64_t row,
                                       std::int64_t end, std::int64_t input, int columns,
                                       S* d_phi) {
  for (int e = threadIdx.x; e < kKanTile * columns; e += kKanThreads) {
    const int r = e / columns, q = e % columns;
    const std::int64_t at = ((row + r) * layer.inputs + input) * layer.shape.total() + q;
    d_phi[q * kKanPitch + r] = row + r < end ? read_as<S>(grad[at]) : S(0);
  }
}

// The same from grad [rows, outputs] and weight [outputs, inputs * total], a slice of outputs at a
// time. A thread sums four rows and every 32nd of the columns.
template <class E, class S>
__device__ inline void kan_multiply_pulled(const KanLayer<S>& layer, const E* grad, const S* weight,
                                           std::int64_t row, std::int64_t end, std::int64_t input,
                                           int columns, S* slices, S* d_phi) {
  constexpr int kParts = kKanColumns / 32;
  S* grads = slices;
  S* weights = slices + kKanSlice * kKanSlicePitch;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int my_row = static_cast<int>(threadIdx.x) / 32 * 4;
  const std::int64_t depth = layer.inputs * layer.shape.total();
  S sums[4][kParts] = {};
  for (std::int64_t output = 0; output < layer.outputs; output += kKanSlice) {
    for (int e = threadIdx.x; e < kKanSlice * kKanTile; e += kKanThreads) {
      const int r = e / kKanSlice, o = e % kKanSlice;
      const bool exists = row + r < end && output + o < layer.outputs;
      grads[o * kKanSlicePitch + r] =
          exists ? read_as<S>(grad[(row + r) * layer.outputs + output + o]) : S(0);
    }
    for (int e = threadIdx.x; e < kKanSlice * kKanColumns; e += kKanThreads) {
      const int o = e / kKanColumns, q = e % kKanColumns;
      const bool exists = q < columns && output + o < layer.outputs;
      weights[e] = exists ? weight[(output + o) * depth + input * layer.shape.total() + q] : S(0);
    }
    __syncthreads();
    for (int o = 0; o < kKanSlice; ++o) {
      const Four<S> g = load_four(grads + o * kKanSlicePitch + my_row);
      for (int j = 0; j < kParts; ++j) {
        const S w = weights[o * kKanColumns + lane + 32 * j];
        for (int a = 0; a < 4; ++a) sums[a][j] = fma(g.of[a], w, sums[a][j]);
      }
    }
    __syncthreads();  // before the slices are written again
  }
  for (int j = 0; j < kParts; ++j) {
    const int q = lane + 32 * j;
    if (q >= columns) continue;
    for (int a = 0; a < 4; ++a) d_phi[q * kKanPitch + my_row + a] = sums[a][j];
  }
}

// dx of a tile. Where the functions have parameters, their gradients in each row are left in the
// slots: the first's in d_phi, the second's in `extra`.
template <class E, class S>
__device__ inline void kan_pull_tile(const KanLayer<S>& layer, const E* x, std::int64_t row,
                                     std::int64_t end, std::int64_t input, int count, S* d_phi,
                                     S* extra, E* dx) {
  const int total = layer.shape.total(), functions = layer.shape.functions;
  const int extra_slots = kan_extra_slots(layer.shape);
  const bool parameters = rational::has_parameters(layer.shape.kind);
  for (int pair = threadIdx.x; pair < kKanTile * count; pair += kKanThreads) {
    const int r = pair % kKanTile, s = pair / kKanTile;
    KanWork<kKanPitch, S> pulled = {d_phi + s * total * kKanPitch + r};
    KanWork<kKanPitch, S> more = {extra + s * extra_slots * kKanPitch + r};
    if (row + r >= end) {
      for (int k = 0; parameters && k < functions; ++k) {
        pulled.set(k, S(0));
        more.set(k, S(0));
      }
      continue;
    }
    const std::int64_t at = (row + r) * layer.inputs + input + s;
    S slope(0);
    kan_visit<true>(layer, input + s, read_as<S>(x[at]), more,
                    [&](int k, const rational::Term<S>& term) {
                      const S g = pulled.get(k);
                      slope = fma(g, term.slope, slope);
                      if (parameters && k < functions) {
                        pulled.set(k, g * term.first);
                        more.set(k, g * term.second);
                      }
                    });
    dx[at] = write_as<E>(slope);
  }
}

// A block owns a step of inputs and a group of rows; `weight` is null for kan_basis. Sums of the
// group go to first and second [groups, inputs, K]: each thread adds up one function, in float64.
template <class E, class S>
__global__ void __launch_bounds__(kKanThreads, kan_at_once<S>(3))
    kan_pull(const __grid_constant__ KanLayer<S> layer, const __grid_constant__ KanTiles tiles,
             const E* grad, const E* x, const S* weight, E* dx, double* first, double* second) {
  constexpr int kSlices = kKanSlice * (kKanSlicePitch + kKanColumns);
  const int total = layer.shape.total(), functions = layer.shape.functions;
  S* slices = dynamic_shared<S>();
  S* d_phi = slices + kSlices;
  S* extra = d_phi + tiles.step * total * kKanPitch;
  const std::int64_t group = blockIdx.x / tiles.steps;
  const std::int64_t input = blockIdx.x % tiles.steps * tiles.step;
  const int count = static_cast<int>(kan_least(std::int64_t{tiles.step}, layer.inputs - input));
  const std::int64_t end = kan_least(layer.rows, (group + 1) * tiles.group_rows);

  const bool is_second = threadIdx.x >= kKanColumns;
  const int mine = static_cast<int>(threadIdx.x) % kKanColumns;  // function of the step
  const bool adds = rational::has_parameters(layer.shape.kind) && mine < count * functions;
  const S* to_add = is_second ? extra + mine * kKanPitch
                              : d_phi + (mine / functions * total + mine % functions) * kKanPitch;
  double sum = 0;
  for (std::int64_t row = group * tiles.group_rows; row < end; row += kKanTile) {
    __syncthreads();  // the tile before may still be read
    if (weight == nullptr) {
      kan_load_pulled(layer, grad, row, end, input, count * total, d_phi);
    } else {
      kan_multiply_pulled(layer, grad, weight, row, end, input, count * total, slices, d_phi);
    }
    __syncthreads();
    kan_pull_tile(layer, x, row, end, input, count, d_phi, extra, dx);
    __syncthreads();
    if (!adds) continue;
    for (int r = 0; r < kKanTile; ++r) sum += static_cast<double>(to_add[r]);
  }
  if (adds) {
    (is_second ? second : first)[(group * layer.inputs + input) * functions + mine] = sum;
  }
}

}  // namespace longtail::cuda
