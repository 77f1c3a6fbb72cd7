#pragma once
// Convolutions between a grid and the next coarser one, by Winograd's F(2 x 2, 2 x 2).
//
// H x W points have (H + 1) / 2 x (W + 1) / 2 coarse ones; w [coarse, fine, k, k] has k = 3 or 4:
//
//   down: y[i, j] = sum over a, b of w[., ., a, b] x[2 i + a - 1, 2 j + b - 1],  zeros outside,
//   up, its transpose: y[2 i + a - 1, 2 j + b - 1] += w[., ., a, b] x[i, j],     cut to H x W.
//
// Along an axis even and odd fine points meet two taps each (three taps: one and two), so two
// neighbours take three products instead of four: with d the three numbers they meet,
//
//   d0 g0 + d1 g1 = m0 + m1, d1 g0 + d2 g1 = m1 - m2,
//   m0 = (d0 - d1) g0, m1 = d1 (g0 + g1), m2 = (d1 - d2) g1.
//
// Odd fine points are met by taps 0 and 2, even ones by 1 and 3. float32; errors as in winograd.h.

#include <cstdint>

#include "core/parallel.h"

namespace longtail::multigrid {

struct TransferShape {
  std::int64_t batch, height, width;  // of the fine grid
  std::int64_t coarse, fine;          // channels
  int taps;                           // 3 or 4
};

/// x [N, h, w, coarse], add [N, H, W, fine] or null, bias [fine] or null to y [N, H, W, fine].
void grid_up(const TransferShape& shape, const float* x, const float* w, const float* add,
             const float* bias, float* y, const ParallelFor& parallel_for);

/// x [N, H, W, fine] to y [N, h, w, coarse].
void grid_down(const TransferShape& shape, const float* x, const float* w, float* y,
               const ParallelFor& parallel_for);

/// dw [coarse, fine, k, k] of either, from what stands on both grids.
void grid_transfer_weight(const TransferShape& shape, const float* coarse, const float* fine,
                          float* dw, const ParallelFor& parallel_for);

}  // namespace longtail::multigrid
