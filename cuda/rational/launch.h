// The CUDA entry points of group rationals; no torch here. Each element type is compiled in a file
// of its own, cuda/rational/<dtype>.cu.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/elementwise.h"
#include "rational/kernels.h"

namespace longtail::cuda {

struct RationalParams {
  std::int64_t outer, groups, run;
  int version;
  bool padded;  // orders other than (5, 4)
};

// Coefficients as they are in memory: [rows, columns] of `dtype`.
struct CoefficientRows {
  const void* data;
  DType dtype;
  std::int64_t rows, columns;
};

// Fills `table` [groups, kSlots] like rational::Table::rows.
void launch_rational_table(std::int64_t groups, const CoefficientRows& numerator,
                           const CoefficientRows& denominator, double* table, cudaStream_t stream);

// y = F(x); E is the element type.
template <class E>
void launch_rational_forward(const RationalParams& params, const double* table, const E* x, E* y,
                             cudaStream_t stream);

// Blocks of each group, and with them the size [groups, blocks, kSlots] of `partial`.
std::int64_t rational_blocks(const RationalParams& params);

template <class E>
void launch_rational_backward(const RationalParams& params, const double* table, const E* grad,
                              const E* x, E* dx, double* partial, cudaStream_t stream);

// Sums of `partial` over blocks and over the groups that share a row, from slot `first` on, into
// coefficients of the given rows and columns.
void launch_rational_collect(const RationalParams& params, const double* partial, int first,
                             void* out, DType dtype, std::int64_t rows, std::int64_t columns,
                             cudaStream_t stream);

}  // namespace longtail::cuda
