#pragma once
// Diagonal state spaces on rows of plain memory.
//
//   x[l] = a x[l - 1] + b u[l],   y[l] = Re sum over n of c[n] x[n, l] + skip u[l]
//
// for each head h and state n, x[-1] given or 0; a, b, c and x are complex, u and y real. Their
// impulse response is a Vandermonde product, K[l] = Re sum c b a^l; and what rows leave in the
// states is one transposed: sum over l of v[l] a^l. These three are all that s4d is made of, to any
// derivative (python/longtail/_vandermonde.py).
//
// Method. Rows are cut into blocks of T = 32 steps. Inside a block everything is a product of real
// matrices with tables of powers of a: what a block adds to the states [2 S, T], what the states
// before it give to its results [T, 2 S], its own impulse response [T, T]. Between blocks states
// move by a^T, in double, whatever the rows' type: powers never lose their phase, and 4 S + T
// multiply-adds a step are left to the registers of core/multiply.h. (State-space duality: Dao and
// Gu, "Transformers are SSMs", 2024, section 6; the tables are those of Gu et al., "On the
// Parameterization and Initialization of Diagonal State Space Models", 2022.)
//
// Coefficients are pairs of doubles. Rows are float64, computed in double, or float32 (the
// recurrence: also float16 and bfloat16), computed in float and rounded once. Where |x| < 2^-120
// (float) a state's share is taken for 0. Largest measured error relative to the norm of a row:
// docs/families/s4d.md.

#include <cstdint>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::longconv {

/// Steps of a block.
inline constexpr std::int64_t kBlockSteps = 32;

struct VandermondeShape {
  std::int64_t rows, heads, states, length;  // R, H, S, L
};

/// k[r, h, l] = Re sum over n of weights[r, h, n] base[h, n]^l; k of `dtype`, float64 or float32.
void vandermonde(const VandermondeShape& shape, DType dtype, const double* base,
                 const double* weights, void* k, const ParallelFor& parallel_for = {});

/// sums[r, h, n] = sum over l of v[r, h, l] base[h, n]^l.
void vandermonde_transposed(const VandermondeShape& shape, DType dtype, const double* base,
                            const void* v, double* sums, const ParallelFor& parallel_for = {});

struct S4dShape {
  std::int64_t batch, heads, outputs, states, length;  // B, H, C, S, L
};
/// base and drive [H, S], readout [C, H, S] (a, b and c above), skip [C, H] or null, state [B, H,
/// S] or null.
struct S4dInputs {
  const void* u;  // [B, H, L]
  const double *base, *drive, *readout, *skip, *state;
};

/// y [B, C, H, L] in the type of u, and the states [B, H, S] after the last step.
void s4d_scan(const S4dShape& shape, DType dtype, const S4dInputs& inputs, void* y,
              double* final_state, const ParallelFor& parallel_for = {});

/// Gradients of s4d_scan, as torch defines those of complex numbers: u or null; the state's where
/// there is one; base, drive, readout and, where there is one, skip, or null all four.
struct S4dGradients {
  void* u;
  double *base, *drive, *readout, *skip, *state;
};
/// Of grad [B, C, H, L] and last [B, H, S], which may be null. Method: s4d_backward.cpp.
void s4d_scan_backward(const S4dShape& shape, DType dtype, const S4dInputs& inputs,
                       const void* grad, const double* last, const S4dGradients& to,
                       const ParallelFor& parallel_for = {});

enum class Discretization { zero_order_hold, bilinear };

/// Continuous coefficients, pairs but for dt and skip, of double where rows are float64, otherwise
/// of float.
struct S4dStep {
  std::int64_t batch, heads, outputs, states;
  Discretization method;
  DType rows;                                     // of u and y
  const void *u, *state, *dt, *a, *b, *c, *skip;  // skip may be null
};
/// One step of all rows: y [B, C, H] and the new states, y = 2 Re c x + skip u.
void s4d_step(const S4dStep& step, void* y, void* new_state, const ParallelFor& parallel_for = {});

}  // namespace longtail::longconv
