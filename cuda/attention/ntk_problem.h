// What the CUDA kernels of ntk_attention are told.
#pragma once

#include "cuda/attention/tile.h"

namespace longtail::cuda {

// The call as the kernels see it; attention/ntk.h has the shapes. `prefix` [prefixes, channels,
// values + 1] is [z, |kappa|] in `units` [prefixes, 2], the largest element of each.
template <class E, class S>
struct NtkProblem {
  std::int64_t problems, prefixes, queries, keys, channels, values;
  bool causal;
  S scale, factor;  // of scores; d^(-1/4)
  const E *q, *k, *v;
  const S* prefix;
  const double* units;

  LONGTAIL_HOST_DEVICE Rows<E> query_rows(std::int64_t n, std::int64_t i) const {
    return {q + (n * queries + i) * channels, queries - i, channels};
  }
  LONGTAIL_HOST_DEVICE Rows<E> key_rows(std::int64_t n, std::int64_t j) const {
    return {k + (n * keys + j) * channels, keys - j, channels};
  }
  LONGTAIL_HOST_DEVICE Rows<E> value_rows(std::int64_t n, std::int64_t j) const {
    return {v + (n * keys + j) * values, keys - j, values};
  }
  LONGTAIL_HOST_DEVICE Rows<E> rows_like_out(const E* data, std::int64_t n, std::int64_t i) const {
    return {data + (n * queries + i) * values, queries - i, values};
  }
  LONGTAIL_HOST_DEVICE bool sees(std::int64_t i, std::int64_t j) const {
    return i < queries && j < keys && (!causal || j <= i);
  }
  LONGTAIL_HOST_DEVICE const S* prefix_of(std::int64_t n) const {
    return prefix + n % prefixes * channels * (values + 1);
  }
};

// What the backward pass knows of a row, as on the CPU (attention/ntk_level.h).
template <class S>
struct NtkRowSlopes {
  S shift, weight, delta, half;
};

}  // namespace longtail::cuda
