#pragma once
// The linear V-cycle of learned multigrid (MgNO), as a list of steps on fields.
//
//   on a level    u <- u + S (f - A u), the very first, from u = 0, being u = S f,
//   down          u <- Pi u, f <- R f or R (f - A u),         3 x 3 taps, stride 2,
//   up            u <- u + T u_coarser,                       4 x 4 taps, transposed.
//
// Every step makes one field of two others, and no field changes afterwards, so the steps of the
// gradient are those of the cycle in reverse. The CPU (learned_cycle_run.cpp) and CUDA run the same
// lists; both have one list forward and one back.
//
// Weights lie one after the other, finest level first: of each step before (A, but for the very
// first, then S), A where residuals are restricted, Pi, R, T, of each step after (A, S).
// A step that subtracts has the weights -A.

#include <cstdint>
#include <utility>
#include <vector>

namespace longtail::multigrid {

struct CycleShape {
  std::int64_t batch, height, width;        // of the finest level
  std::int64_t in, channels;                // of f and of u
  std::vector<std::pair<int, int>> smooth;  // steps before and after the coarser levels
  bool restrict_residual;

  std::int64_t height_of(int level) const;
  std::int64_t width_of(int level) const;
  std::int64_t points(int level) const { return height_of(level) * width_of(level); }
  int levels() const { return static_cast<int>(smooth.size()); }
};

/// Which memory a field lies in: what comes in and goes out, what the forward pass leaves for the
/// backward pass, what nobody sees.
enum class Place { f, u, saved, scratch, grad, through, df };
inline constexpr int kPlaces = 7;

struct CycleField {
  int level;
  std::int64_t channels;
  Place place;
  /// In floats of one sample: its fields start at `offset` times the batch.
  std::int64_t offset;
};

enum class CycleKind {
  conv,            // to = add + bias + w * from; adjoint: by w's transpose
  down,            // to = w * from, to the coarser level
  up,              // to = add + bias + w^T * from, from the coarser level
  sum,             // to = from + add
  conv_weight,     // dw of grad `add` and `from`
  transfer_weight  // dw of coarse `add` and fine `from`
};

struct CycleStep {
  CycleKind kind;
  int level;                   // of the finer grid
  int from, add, to;           // fields; -1: none
  std::int64_t weight;         // where its weights are; conv: [rows, columns, 3, 3]
  std::int64_t rows, columns;  // down, up: coarse, fine channels
  int taps;
  bool adjoint, negative, bias;
};

struct CyclePlan {
  std::vector<CycleField> fields;
  std::vector<CycleStep> steps;
  std::int64_t weights;         // of all, in floats
  std::int64_t saved, scratch;  // of one sample, in floats
};

/// `keep`: whether what the backward pass reads stays, in `saved`.
CyclePlan forward_cycle(const CycleShape& shape, bool keep);

struct CycleNeeds {
  bool f, weights;  // which gradients
  bool through;     // whether one of f comes in, which is to be added
  /// Gradients of weights of levels from here on are computed after all of those levels' fields.
  int late_weights;
};
CyclePlan backward_cycle(const CycleShape& shape, const CycleNeeds& needs);

}  // namespace longtail::multigrid
