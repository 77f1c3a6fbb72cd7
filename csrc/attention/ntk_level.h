#pragma once
// What each CPU level compiles (ntk.level.cpp) and ntk_forward.cpp and ntk_backward.cpp choose
// from. All work on tiles of `rows` rows in the computing type S.

#include <cstdint>

#include "attention/ntk_math.h"
#include "core/cpu_level.h"
#include "core/panels.h"

namespace longtail::attention {

/// Scores [rows, stride] of neighbouring rows with `columns` keys, of which row r sees the first
/// `visible + r` (at most `columns`, at least none). Scores come with their scale.
template <class S>
struct ScoreTile {
  S* scores;
  std::int64_t rows, columns, stride, visible;
};

/// A row's running softmax.
template <class S>
struct Softmax {
  S largest, sum;
};

/// A row's output: sums over keys and, for the prefix, [t, p] in units of the largest |z| and
/// |kappa|.
template <class S>
struct NtkRow {
  Softmax<S> softmax;
  const S *sums, *prefix;
  double z_unit, log_kappa_unit;
};

/// What the backward pass knows of a row.
template <class S>
struct NtkSlopes {
  S shift, weight;  // e^(S - L) = weight e^(S - shift)
  S delta;          // g.O
  S half;           // e^(-L/2)
};

template <class S>
struct NtkKernels : DenseKernels<S> {
  /// phi [count] of x * factor.
  void (*features)(const S* x, S factor, std::int64_t count, S* phi);
  /// dx += factor * half * phi'(x * factor) * dphi.
  void (*pull_features)(const S* x, S factor, S half, const S* dphi, std::int64_t count, S* dx);
  /// Scores become e^(S - largest), and sums [rows, width] are rescaled to the new largest.
  void (*attend)(const ScoreTile<S>& tile, Softmax<S>* rows, S* sums, std::int64_t width);
  /// The output [columns] of a row, and its L.
  double (*finish)(const NtkRow<S>& row, std::int64_t columns, S* out);
  /// delta and what follows from L, of out and grad [columns].
  NtkSlopes<S> (*slopes)(const S* out, const S* grad, std::int64_t columns, double lse);
  /// Scores become e^(S - L); dP [rows, stride] becomes the gradient of q k^T.
  void (*pull)(const ScoreTile<S>& tile, const NtkSlopes<S>* rows, S scale, S* dp);
};

LONGTAIL_DECLARE_PER_LEVEL(NtkKernels<float>, kNtkFloat)
LONGTAIL_DECLARE_PER_LEVEL(NtkKernels<double>, kNtkDouble)

}  // namespace longtail::attention
