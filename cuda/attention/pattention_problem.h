// What the CUDA kernels of pattention are told.
#pragma once

#include "cuda/attention/tile.h"

namespace longtail::cuda {

// The call as the kernels see it; attention/pattention.h has the shapes.
template <class E, class S>
struct PattentionProblem {
  std::int64_t rows, inputs, tokens, outputs;
  S tau;
  const E* x;
  const S *key, *value;

  LONGTAIL_HOST_DEVICE Rows<E> x_rows(std::int64_t i) const {
    return {x + i * inputs, rows - i, inputs};
  }
  LONGTAIL_HOST_DEVICE Rows<E> rows_like_out(const E* data, std::int64_t i) const {
    return {data + i * outputs, rows - i, outputs};
  }
  LONGTAIL_HOST_DEVICE Rows<S> key_rows(std::int64_t j) const {
    return {key + j * inputs, tokens - j, inputs};
  }
  LONGTAIL_HOST_DEVICE Rows<S> value_rows(std::int64_t j) const {
    return {value + j * outputs, tokens - j, outputs};
  }
};

}  // namespace longtail::cuda
