// The functions of a tile of rows and a step of inputs, evaluated into shared memory. Their kind is
// chosen at run time: one uniform branch, and eight times less to compile.
#pragma once

#include "cuda/core/element_type.h"
#include "cuda/rational/kan_layout.h"

namespace longtail::cuda {

// The table of one input, as kan_math.h reads it.
template <class S>
struct KanColumn {
  const S* column;
  std::int64_t row;
  __device__ S operator()(int r) const { return column[r * row]; }
};

// Slots of one thread in shared memory.
template <int Pitch, class S>
struct KanWork {
  S* slots;
  __device__ S get(int j) const { return slots[j * Pitch]; }
  __device__ void set(int j, S value) { slots[j * Pitch] = value; }
};

// visit_basis of the layer's kind.
template <bool Slopes, class S, class Work, class Visit>
__device__ inline void kan_visit(const KanLayer<S>& layer, std::int64_t input, S x, Work& work,
                                 const Visit& visit) {
  using enum rational::BasisKind;
  const KanColumn<S> table = {layer.table + input * layer.table_column, layer.table_row};
  const auto run = [&]<rational::BasisKind kind>() {
    rational::visit_basis<kind, Slopes>(layer.shape, x, table, work, visit);
  };
  switch (layer.shape.kind) {
    case bspline:
      return run.template operator()<bspline>();
    case gaussian_rbf:
      return run.template operator()<gaussian_rbf>();
    case rswaf:
      return run.template operator()<rswaf>();
    case chebyshev:
      return run.template operator()<chebyshev>();
    case legendre:
      return run.template operator()<legendre>();
    case hermite:
      return run.template operator()<hermite>();
    case relu_window:
      return run.template operator()<relu_window>();
    default:
      return run.template operator()<fourier>();
  }
}

// phi[(s * slots + k) * Pitch + r] of Rows rows from `row` on and `count` inputs from `input` on;
// zeros in rows that do not exist. A spline works in the slots that its values are left in: when
// function j is visited, nothing before slot j + 2 is read again.
template <int Rows, int Pitch, class E, class S>
__device__ inline void kan_fill(const KanLayer<S>& layer, const E* x, std::int64_t row,
                                std::int64_t end, std::int64_t input, int count, int slots,
                                S* phi) {
  for (int pair = threadIdx.x; pair < Rows * count; pair += kKanThreads) {
    const int r = pair % Rows, s = pair / Rows;
    KanWork<Pitch, S> mine = {phi + s * slots * Pitch + r};
    if (row + r >= end) {
      for (int k = 0; k < layer.shape.total(); ++k) mine.set(k, S(0));
      continue;
    }
    const S at = read_as<S>(x[(row + r) * layer.inputs + input + s]);
    kan_visit<false>(layer, input + s, at, mine,
                     [&](int k, const rational::Term<S>& term) { mine.set(k, term.value); });
  }
}

}  // namespace longtail::cuda
