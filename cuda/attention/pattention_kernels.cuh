// pattention on CUDA; formulas in attention/pattention_math.h. A row's norm comes first; every
// kernel after that recomputes the scores of its tiles. Tokens are in the computing type S.
#pragma once

#include "attention/pattention_math.h"
#include "cuda/attention/pattention_problem.h"
#include "cuda/attention/tile.cuh"

namespace longtail::cuda {

// A row's norm, and w.u / tau^2 where gradients are wanted.
template <class S>
struct PattentionRow {
  attention::RowNorm<S> norm;
  S share;
};

template <class From, class To>
__global__ void __launch_bounds__(kTileThreads)
    attention_convert(std::int64_t count, const From* from, To* to) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kTileThreads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * kTileThreads + threadIdx.x; i < count;
       i += step) {
    to[i] = write_as<To>(read_as<compute_type<To>>(from[i]));
  }
}

template <class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    pattention_norms(const __grid_constant__ PattentionProblem<E, S> p, PattentionRow<S>* rows) {
  __shared__ S scores[kTile * kTilePitch];
  const std::int64_t first = std::int64_t{blockIdx.x} * kTile, i = first + tile_row();
  const S* mine = scores + tile_row() * kTilePitch;
  S largest(0), squares(0);
  for (std::int64_t j = 0; j < p.tokens; j += kTile) {
    const S score = tile_dot<S>(p.x_rows(first), p.key_rows(j));
    __syncthreads();
    tile_store(scores, score);
    __syncthreads();
    S most = largest;
    for (int o = 0; o < kTile; ++o) {
      if (abs(mine[o]) > most || is_nan(mine[o])) most = abs(mine[o]);  // nan stays
    }
    if (attention::has_direction(most)) {
      const S first_factor = S(1) / most, shrink = largest * first_factor;
      squares *= shrink * shrink;
      for (int o = 0; o < kTile; ++o) {
        const S s = mine[o] * first_factor;
        squares = fma(s, s, squares);
      }
    }
    largest = most;
  }
  if (i < p.rows && tile_other() == 0) {
    rows[i] = {attention::row_norm(largest, squares, p.tau), S(0)};
  }
}

template <class S>
__device__ inline S pattention_u(S score, const attention::RowNorm<S>& norm) {
  return score * norm.first * norm.second;
}

template <class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    pattention_forward(const __grid_constant__ PattentionProblem<E, S> p,
                       const PattentionRow<S>* rows, E* y) {
  __shared__ S weights[kTile * kTilePitch];
  const std::int64_t across = channel_tiles_of(p.outputs);
  const std::int64_t first = blockIdx.x / across * kTile, i = first + tile_row();
  const std::int64_t channel = blockIdx.x % across * kTileChannels;
  const PattentionRow<S> row = i < p.rows ? rows[i] : PattentionRow<S>{};
  S sums[kTileOwn] = {};
  for (std::int64_t j = 0; j < p.tokens; j += kTile) {
    const S score = tile_dot<S>(p.x_rows(first), p.key_rows(j));
    const S theta = attention::gelu(pattention_u(score, row.norm)).value;
    __syncthreads();
    tile_store(weights, theta);
    __syncthreads();
    tile_add(weights, p.value_rows(j), channel, sums);
  }
  if (i < p.rows) tile_write(sums, channel, p.outputs, y + i * p.outputs);
}

// The share of every row: w.u / tau^2.
template <class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    pattention_shares(const __grid_constant__ PattentionProblem<E, S> p, const E* grad,
                      PattentionRow<S>* rows) {
  __shared__ S products[kTile * kTilePitch];
  const std::int64_t first = std::int64_t{blockIdx.x} * kTile, i = first + tile_row();
  const PattentionRow<S> row = i < p.rows ? rows[i] : PattentionRow<S>{};
  S sum(0);
  for (std::int64_t j = 0; j < p.tokens; j += kTile) {
    const S u = pattention_u(tile_dot<S>(p.x_rows(first), p.key_rows(j)), row.norm);
    const S dtheta = tile_dot<S>(p.rows_like_out(grad, first), p.value_rows(j));
    __syncthreads();
    tile_store(products, u * (dtheta * attention::gelu(u).slope));
    __syncthreads();
    for (int o = 0; o < kTile; ++o) sum += products[tile_row() * kTilePitch + o];
  }
  if (i < p.rows && tile_other() == 0) rows[i].share = sum / p.tau / p.tau;
}

// theta of a pair, and the gradient of its score.
template <class S>
struct PattentionPair {
  S weight, slope;
};
template <class S>
__device__ inline PattentionPair<S> pattention_pair(S score, S dtheta, const PattentionRow<S>& row,
                                                    S tau) {
  const S u = pattention_u(score, row.norm);
  const auto at = attention::gelu(u);
  return {at.value, fma(u, -row.share, dtheta * at.slope) * (tau * row.norm.inverse)};
}

template <class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    pattention_rows_backward(const __grid_constant__ PattentionProblem<E, S> p, const E* grad,
                             const PattentionRow<S>* rows, E* dx) {
  __shared__ S weights[kTile * kTilePitch];
  const std::int64_t across = channel_tiles_of(p.inputs);
  const std::int64_t first = blockIdx.x / across * kTile, i = first + tile_row();
  const std::int64_t channel = blockIdx.x % across * kTileChannels;
  const PattentionRow<S> row = i < p.rows ? rows[i] : PattentionRow<S>{};
  S sums[kTileOwn] = {};
  for (std::int64_t j = 0; j < p.tokens; j += kTile) {
    const S score = tile_dot<S>(p.x_rows(first), p.key_rows(j));
    const S dtheta = tile_dot<S>(p.rows_like_out(grad, first), p.value_rows(j));
    __syncthreads();
    tile_store(weights, pattention_pair(score, dtheta, row, p.tau).slope);
    __syncthreads();
    tile_add(weights, p.key_rows(j), channel, sums);
  }
  if (i < p.rows) tile_write(sums, channel, p.inputs, dx + i * p.inputs);
}

// Gradients of 16 tokens: of values where `Values`, else of keys.
template <bool Values, class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    pattention_tokens_backward(const __grid_constant__ PattentionProblem<E, S> p, const E* grad,
                               const PattentionRow<S>* rows, S* to) {
  __shared__ S weights[kTile * kTilePitch];
  const std::int64_t width = Values ? p.outputs : p.inputs, across = channel_tiles_of(width);
  const std::int64_t first = blockIdx.x / across * kTile, j = first + tile_row();
  const std::int64_t channel = blockIdx.x % across * kTileChannels;
  double totals[kTileOwn] = {};
  for (std::int64_t begin = 0; begin < p.rows; begin += kTile) {
    const std::int64_t i = begin + tile_other();
    const Rows<E> grads = p.rows_like_out(grad, begin);
    const S score = tile_dot<S>(p.key_rows(first), p.x_rows(begin));
    const S dtheta = Values ? S(0) : tile_dot<S>(p.value_rows(first), grads);
    S weight(0);
    if (i < p.rows) {
      const auto pair = pattention_pair(score, dtheta, rows[i], p.tau);
      weight = Values ? pair.weight : pair.slope;
    }
    __syncthreads();
    tile_store(weights, weight);
    __syncthreads();
    S sums[kTileOwn] = {};
    tile_add(weights, Values ? grads : p.x_rows(begin), channel, sums);
    for (int c = 0; c < kTileOwn; ++c) totals[c] += static_cast<double>(sums[c]);
  }
  if (j >= p.tokens) return;
  for (int c = 0; c < kTileOwn; ++c) {
    const std::int64_t at = channel + tile_other() + kTile * c;
    if (at < width) to[j * width + at] = static_cast<S>(totals[c]);
  }
}

}  // namespace longtail::cuda
