// ntk_attention on CUDA; formulas in attention/ntk_math.h. Forward: a block has 16 queries and
// walks over the keys with a running softmax. Backward: one kernel for dq, one for dk and dv, both
// of which recompute their scores, and one for the prefix.
#pragma once

#include "attention/ntk_math.h"
#include "cuda/attention/ntk_problem.h"
#include "cuda/attention/tile.cuh"

namespace longtail::cuda {

// One block for each prefix: its matrix in units of its largest elements. P is the type of z.
template <class P, class S>
__global__ void __launch_bounds__(kTileThreads)
    ntk_prepare(std::int64_t channels, std::int64_t values, const P* z, const P* kappa, S* prefix,
                double* units) {
  __shared__ double largest[kTileThreads];
  const std::int64_t m = blockIdx.x;
  for (int part = 0; part < 2; ++part) {
    const std::int64_t size = part == 0 ? channels * values : channels;
    const P* from = (part == 0 ? z : kappa) + m * size;
    double most = 0;
    for (std::int64_t e = threadIdx.x; e < size; e += kTileThreads) {
      const double a = abs(read_as<double>(from[e]));
      if (a > most && a < Format<double>::infinity) most = a;
    }
    __syncthreads();  // the part before may still be read
    largest[threadIdx.x] = most;
    __syncthreads();
    for (int t = 0; t < kTileThreads; ++t) most = largest[t] > most ? largest[t] : most;
    const double unit = most > 0 ? most : 1.0;
    if (threadIdx.x == 0) units[2 * m + part] = unit;
    for (std::int64_t e = threadIdx.x; e < size; e += kTileThreads) {
      const double a = read_as<double>(from[e]);
      const std::int64_t d = part == 0 ? e / values : e, c = part == 0 ? e % values : values;
      prefix[(m * channels + d) * (values + 1) + c] =
          static_cast<S>((part == 0 ? a : abs(a)) / unit);
    }
  }
}

// sums[i] += element (row, other + 16 i) of phi(q) prefix, and `last` += the row of its last
// column.
template <class E, class S>
__device__ inline void ntk_add_prefix(const NtkProblem<E, S>& p, std::int64_t n, std::int64_t first,
                                      S (&sums)[kTileOwn], S& last) {
  constexpr int kPitch = kTileDepth + 1;
  __shared__ S phi[kTile * kPitch];
  const Rows<E> queries = p.query_rows(n, first);
  const S* prefix = p.prefix_of(n);
  for (std::int64_t begin = 0; begin < p.channels; begin += kTileDepth) {
    __syncthreads();
    for (int e = threadIdx.x; e < kTile * kTileDepth; e += kTileThreads) {
      const int r = e / kTileDepth, d = e % kTileDepth;
      const bool inside = begin + d < p.channels && r < queries.count;
      phi[r * kPitch + d] =
          inside ? attention::feature(
                       S(read_as<S>(queries.data[r * p.channels + begin + d]) * p.factor))
                 : S(0);
    }
    __syncthreads();
    for (int d = 0; d < kTileDepth && begin + d < p.channels; ++d) {
      const S weight = phi[tile_row() * kPitch + d];
      const S* row = prefix + (begin + d) * (p.values + 1);
      for (int i = 0; i < kTileOwn; ++i) {
        const std::int64_t c = tile_other() + kTile * i;
        if (c < p.values) sums[i] = fma(weight, row[c], sums[i]);
      }
      last = fma(weight, row[p.values], last);
    }
  }
}

template <class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    ntk_forward(const __grid_constant__ NtkProblem<E, S> p, E* out, double* lse) {
  __shared__ S weights[kTile * kTilePitch];
  constexpr S nothing = -Format<S>::infinity;
  const std::int64_t n = blockIdx.x / tiles_of(p.queries);
  const std::int64_t first = blockIdx.x % tiles_of(p.queries) * kTile;
  const std::int64_t i = first + tile_row();
  const S* mine = weights + tile_row() * kTilePitch;
  S largest = nothing, sum(0), sums[kTileOwn] = {};
  const std::int64_t end = p.causal && first + kTile < p.keys ? first + kTile : p.keys;
  for (std::int64_t j = 0; j < end; j += kTile) {
    const S score = tile_dot<S>(p.query_rows(n, first), p.key_rows(n, j)) * p.scale;
    __syncthreads();
    tile_store(weights, p.sees(i, j + tile_other()) ? score : nothing);
    __syncthreads();
    S most = largest;
    for (int o = 0; o < kTile; ++o) most = max(mine[o], most);
    const S shift = most > nothing ? most : S(0);
    const S weight = exp(S(mine[tile_other()] - shift)), factor = exp(S(largest - shift));
    __syncthreads();
    tile_store(weights, weight);
    __syncthreads();
    S total(0);
    for (int o = 0; o < kTile; ++o) total += mine[o];
    sum = fma(sum, factor, total);
    for (S& each : sums) each *= factor;
    largest = most;
    tile_add(weights, p.value_rows(n, j), 0, sums);
  }
  S prefix[kTileOwn] = {}, last(0);
  ntk_add_prefix(p, n, first, prefix, last);
  if (i >= p.queries) return;
  const double* units = p.units + 2 * (n % p.prefixes);
  const double of_keys =
      sum == S(0) ? -Format<double>::infinity : double{largest} + attention::log_of(double{sum});
  const auto joined = attention::join<S>(of_keys, attention::log_of(double{last}) + log(units[1]));
  const S share = sum == S(0) ? S(0) : joined.attention / sum;
  const S unit = static_cast<S>(double{joined.half} * units[0]);
  for (int c = 0; c < kTileOwn; ++c) {
    sums[c] = fma(sums[c], share, prefix[c] * unit * joined.half);
  }
  tile_write(sums, 0, p.values, out + (n * p.queries + i) * p.values);
  if (tile_other() == 0) lse[n * p.queries + i] = joined.lse;
}

// One thread for each row.
template <class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    ntk_slopes(std::int64_t rows, std::int64_t values, const E* out, const E* grad,
               const double* lse, NtkRowSlopes<S>* slopes) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kTileThreads + threadIdx.x;
  if (i >= rows) return;
  S delta(0);
  for (std::int64_t c = 0; c < values; ++c) {
    delta = fma(read_as<S>(out[i * values + c]), read_as<S>(grad[i * values + c]), delta);
  }
  if (!(lse[i] > -Format<double>::infinity)) {
    const S lost = is_nan(lse[i]) ? kNan<S> : S(0);
    slopes[i] = {S(0), lost, delta, lost};
    return;
  }
  const S shift = static_cast<S>(lse[i]);
  slopes[i] = {shift, static_cast<S>(exp(double{shift} - lse[i])), delta,
               attention::half_weight<S>(lse[i])};
}

// e^(S - L) of a pair, and the gradient of its q k^T.
template <class S>
struct NtkPair {
  S weight, slope;
};
template <class S>
__device__ inline NtkPair<S> ntk_pair(S score, S dp, const NtkRowSlopes<S>& row, S scale) {
  const S weight = exp(S(score * scale - row.shift)) * row.weight;
  return {weight, weight * (dp - row.delta) * scale};
}

template <class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    ntk_queries_backward(const __grid_constant__ NtkProblem<E, S> p, const E* grad,
                         const NtkRowSlopes<S>* slopes, E* dq) {
  constexpr int kPitch = kTileDepth + 1;
  __shared__ S weights[kTile * kTilePitch], grads[kTile * kPitch];
  const std::int64_t n = blockIdx.x / tiles_of(p.queries);
  const std::int64_t first = blockIdx.x % tiles_of(p.queries) * kTile;
  const std::int64_t i = first + tile_row();
  const bool exists = i < p.queries;
  const NtkRowSlopes<S> row = exists ? slopes[n * p.queries + i] : NtkRowSlopes<S>{};
  const Rows<E> of_grad = p.rows_like_out(grad, n, first);
  S sums[kTileOwn] = {};
  const std::int64_t end = p.causal && first + kTile < p.keys ? first + kTile : p.keys;
  for (std::int64_t j = 0; j < end; j += kTile) {
    const S score = tile_dot<S>(p.query_rows(n, first), p.key_rows(n, j));
    const S dp = tile_dot<S>(of_grad, p.value_rows(n, j));
    const NtkPair<S> pair = ntk_pair(score, dp, row, p.scale);
    __syncthreads();
    tile_store(weights, p.sees(i, j + tile_other()) ? pair.slope : S(0));
    __syncthreads();
    tile_add(weights, p.key_rows(n, j), 0, sums);
  }
  // dphi = e^-L (Z g - delta |kappa|), the factors e^(-L/2) before and after the sum.
  const double* units = p.units + 2 * (n % p.prefixes);
  const S* prefix = p.prefix_of(n);
  S dphi[kTileOwn] = {};
  for (std::int64_t begin = 0; begin <= p.values; begin += kTileDepth) {
    __syncthreads();
    for (int e = threadIdx.x; e < kTile * kTileDepth; e += kTileThreads) {
      const int r = e / kTileDepth;
      const std::int64_t c = begin + e % kTileDepth;
      S value(0);
      if (r < of_grad.count && c <= p.values) {
        const NtkRowSlopes<S>& its = slopes[n * p.queries + first + r];
        const S g = c < p.values ? read_as<S>(of_grad.data[r * p.values + c]) : -its.delta;
        value = g * static_cast<S>(units[c < p.values ? 0 : 1] * double{its.half});
      }
      grads[r * kPitch + e % kTileDepth] = value;
    }
    __syncthreads();
    for (int e = 0; e < kTileDepth && begin + e <= p.values; ++e) {
      const S g = grads[tile_row() * kPitch + e];
      for (int c = 0; c < kTileOwn; ++c) {
        const std::int64_t d = tile_other() + kTile * c;
        if (d < p.channels) {
          dphi[c] = fma(g, prefix[d * (p.values + 1) + begin + e], dphi[c]);
        }
      }
    }
  }
  if (!exists) return;
  const E* query = p.query_rows(n, i).data;
  for (int c = 0; c < kTileOwn; ++c) {
    const std::int64_t d = tile_other() + kTile * c;
    if (d >= p.channels) continue;
    const S slope = attention::feature_slope(S(read_as<S>(query[d]) * p.factor));
    sums[c] = fma(slope * (dphi[c] * row.half), p.factor, sums[c]);
  }
  tile_write(sums, 0, p.channels, dq + (n * p.queries + i) * p.channels);
}

template <class E, class S>
__global__ void __launch_bounds__(kTileThreads)
    ntk_keys_backward(const __grid_constant__ NtkProblem<E, S> p, const E* grad,
                      const NtkRowSlopes<S>* slopes, E* dk, E* dv) {
  __shared__ S weights[kTile * kTilePitch], pulled[kTile * kTilePitch];
  const std::int64_t n = blockIdx.x / tiles_of(p.keys);
  const std::int64_t first = blockIdx.x % tiles_of(p.keys) * kTile;
  const std::int64_t j = first + tile_row();
  S of_k[kTileOwn] = {}, of_v[kTileOwn] = {};
  for (std::int64_t begin = p.causal ? first : 0; begin < p.queries; begin += kTile) {
    const std::int64_t i = begin + tile_other();
    const S score = tile_dot<S>(p.key_rows(n, first), p.query_rows(n, begin));
    const S dp = tile_dot<S>(p.value_rows(n, first), p.rows_like_out(grad, n, begin));
    NtkPair<S> pair = {S(0), S(0)};
    if (p.sees(i, j)) pair = ntk_pair(score, dp, slopes[n * p.queries + i], p.scale);
    __syncthreads();
    tile_store(weights, pair.weight);
    tile_store(pulled, pair.slope);
    __syncthreads();
    tile_add(pulled, p.query_rows(n, begin), 0, of_k);
    tile_add(weights, p.rows_like_out(grad, n, begin), 0, of_v);
  }
  if (j >= p.keys) return;
  tile_write(of_k, 0, p.channels, dk + (n * p.keys + j) * p.channels);
  tile_write(of_v, 0, p.values, dv + (n * p.keys + j) * p.values);
}

// dz and dkappa of 16 channels and 16 values (kappa is one more) of a prefix: a sum over the rows
// of all problems that share it, in float64 from tile to tile.
template <class E, class P, class S>
__global__ void __launch_bounds__(kTileThreads)
    ntk_prefix_backward(const __grid_constant__ NtkProblem<E, S> p, const E* grad,
                        const NtkRowSlopes<S>* slopes, const P* kappa, P* dz, P* dkappa) {
  __shared__ S phi[kTile * kTilePitch], grads[kTile * kTilePitch];
  const std::int64_t across = tiles_of(p.values + 1), down = tiles_of(p.channels);
  const std::int64_t m = blockIdx.x / (across * down);
  const std::int64_t first_d = blockIdx.x / across % down * kTile;
  const std::int64_t first_c = blockIdx.x % across * kTile;
  const std::int64_t d = first_d + tile_row(), c = first_c + tile_other();
  double total = 0;
  for (std::int64_t n = m; n < p.problems; n += p.prefixes) {
    for (std::int64_t begin = 0; begin < p.queries; begin += kTile) {
      const std::int64_t i = begin + tile_row(), from_d = first_d + tile_other();
      S of_phi(0), of_grad(0);
      if (i < p.queries) {
        const NtkRowSlopes<S>& row = slopes[n * p.queries + i];
        if (from_d < p.channels) {
          const S x = read_as<S>(p.query_rows(n, i).data[from_d]) * p.factor;
          of_phi = attention::feature(x) * row.half;
        }
        if (c < p.values) of_grad = read_as<S>(p.rows_like_out(grad, n, i).data[c]) * row.half;
        if (c == p.values) of_grad = -row.delta * row.half;
      }
      __syncthreads();
      tile_store(phi, of_phi);
      tile_store(grads, of_grad);
      __syncthreads();
      S sum(0);
      for (int r = 0; r < kTile; ++r) {
        sum = fma(phi[r * kTilePitch + tile_row()], grads[r * kTilePitch + tile_other()], sum);
      }
      total += static_cast<double>(sum);
    }
  }
  if (d >= p.channels || c > p.values) return;
  if (c < p.values) {
    dz[(m * p.channels + d) * p.values + c] = write_as<P>(static_cast<S>(total));
  } else {
    const S at = read_as<S>(kappa[m * p.channels + d]);
    const double sign = at > S(0) ? 1.0 : at < S(0) ? -1.0 : 0.0;
    dkappa[m * p.channels + d] = write_as<P>(static_cast<S>(total * sign));
  }
}

}  // namespace longtail::cuda
