#pragma once
// What each CPU level compiles (s4d_backward.level.cpp) and s4d_backward.cpp chooses from. States
// lie planar as in s4d_level.h; names of quantities: s4d_backward.cpp.

#include "longconv/s4d_level.h"

namespace longtail::longconv {

/// Sums of products over blocks, each of `padded` pairs, planar: x z, z v, z v', and for each
/// result x q and x q'.
inline constexpr int kSumsOfBlocks = 3, kSumsOfResult = 2;

/// Some blocks of a row, [blocks, 2 padded] each. q and slopes of q: [C, blocks, 2 padded].
template <class S>
struct S4dBlockStates {
  std::int64_t padded, blocks, outputs;
  const double* power;    // base^T
  const double* readout;  // base times readout, of each result
  const S *x, *v, *v_slopes, *q, *q_slopes;
  S* z;  // written
};

/// The end of a row, fewer steps than a block has.
template <class S>
struct S4dTail {
  std::int64_t padded, count, outputs, stride;
  const double *base, *drive, *readout;
  const S *u, *grad;  // grad [C, stride]
  double* memory;     // [count + 1, 2 padded]
};

template <class S>
struct S4dBackwardKernels {
  /// x = power x + drive added for each block; before that, x goes to `before` unless null.
  void (*states)(std::int64_t padded, std::int64_t blocks, const double* power, const double* drive,
                 const S* added, double* x, S* before);

  /// z = power z + sum of readout q, from the last block to the first; before that, z is written.
  void (*adjoint)(const S4dBlockStates<S>& of, double* z);

  /// Adds to `sums`, once z is written.
  void (*products)(const S4dBlockStates<S>& of, double* sums);

  /// x goes to the end of the row.
  void (*tail_states)(const S4dTail<S>& of, double* x);

  /// After tail_states: z goes from the end of the row to the beginning of its tail. Gradients of
  /// inputs go to du; unless `sums` is null, p x, p u and, for each result, grad x are added to it.
  void (*tail_adjoint)(const S4dTail<S>& of, double* z, double* du, double* sums);
};

LONGTAIL_DECLARE_PER_LEVEL(S4dBackwardKernels<float>, kS4dBackwardFloat)
LONGTAIL_DECLARE_PER_LEVEL(S4dBackwardKernels<double>, kS4dBackwardDouble)

}  // namespace longtail::longconv
