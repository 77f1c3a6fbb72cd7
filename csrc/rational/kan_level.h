#pragma once
// What each CPU level compiles (kan.level.cpp) and kan.cpp chooses from. All work on tiles in the
// computing type S (double for float64, float for the rest): of `rows` rows and `inputs` inputs,
// where function k of input i is column k * inputs + i.

#include <cstdint>

#include "core/cpu_level.h"
#include "core/panels.h"
#include "rational/kan_math.h"

namespace longtail::rational {

/// A tile of x and the columns of the table that belong to its inputs.
template <class S>
struct KanTile {
  const BasisShape* shape;
  const S* table;  // [table_rows, table_stride], inputs padded to whole vectors
  std::int64_t table_stride;
  const S* x;  // [rows, inputs]
  std::int64_t rows, inputs;
};

/// phi [rows, total * inputs].
template <class S>
using KanValues = void (*)(const KanTile<S>& tile, S* phi);
/// dx [rows, inputs] of dphi [rows, total * inputs]; adds to first and second [functions, inputs],
/// unless those are null.
template <class S>
using KanPull = void (*)(const KanTile<S>& tile, const S* dphi, S* dx, double* first,
                         double* second);

template <class S>
struct KanKernels : DenseKernels<S> {
  KanValues<S> values[kBasisKinds];
  KanPull<S> pull[kBasisKinds];
};

LONGTAIL_DECLARE_PER_LEVEL(KanKernels<float>, kKanFloat)
LONGTAIL_DECLARE_PER_LEVEL(KanKernels<double>, kKanDouble)

}  // namespace longtail::rational
