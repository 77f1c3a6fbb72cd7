// How the CUDA kernels of Kolmogorov-Arnold layers cut their work: into steps of inputs whose
// functions fit into shared memory, and groups of rows whose sums are added later. Nothing here
// depends on the GPU, so sums are the same everywhere.
//
// 99 KiB of shared memory is what a block can have on every GPU since Ampere; no shape that is
// allowed (kMaxFunctions, float64) needs more.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/elementwise.h"
#include "rational/kan_math.h"

namespace longtail::cuda {

constexpr int kKanThreads = 256;
constexpr int kKanOutputs = 64;   // of a block, forward and in the gradient of weights
constexpr int kKanRows = 64;      // of a block, forward
constexpr int kKanTile = 32;      // rows at a time elsewhere
constexpr int kKanPitch = 33;     // from function to function of a tile: no bank conflicts
constexpr int kKanColumns = 128;  // functions of a step that a block multiplies at a time
constexpr int kKanSlice = 16;     // outputs at a time where products are summed over outputs
constexpr int kKanFlush = 16;     // tiles whose sums are in S before they become float64

constexpr std::int64_t kKanBlocks = 256;        // enough to fill a GPU
constexpr std::int64_t kKanPartials = 1 << 22;  // most sums that more than one group may leave

// Blocks that a multiprocessor shall hold at once: `float32` of them in that type, which leaves 80
// registers to each thread of three and 128 to those of two.
template <class S>
constexpr int kan_at_once(int float32) {
  return sizeof(S) == 4 ? float32 : 1;
}

// A parameter of any floating type; no data where there is none.
struct KanSource {
  const void* data;
  DType dtype;
};

// The layer as the kernels see it. Column i of the table belongs to input i.
template <class S>
struct KanLayer {
  rational::BasisShape shape;
  std::int64_t rows, inputs, outputs;
  const S* table;  // row r, column i: table[r * table_row + i * table_column]
  std::int64_t table_row, table_column;
};

// A layer of Mexican hats. Edges [3, outputs, inputs]: weights, inverses of scales, shifts.
template <class S>
struct HatLayer {
  std::int64_t rows, inputs, outputs;
  const S* edges;
};

struct KanTiles {
  int step;   // inputs
  int slots;  // of each input: its functions, and what their evaluation works in
  int parts;  // times kKanOutputs outputs of a block, forward
  std::int64_t steps;
  std::int64_t groups, group_rows;
  std::int64_t shared;  // elements of S
};

LONGTAIL_HOST_DEVICE inline std::int64_t kan_ceil(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}
LONGTAIL_HOST_DEVICE inline std::int64_t kan_least(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

// Slots in which functions are evaluated: those of a spline's recurrence become its values.
inline int kan_slots(const rational::BasisShape& shape) {
  return std::max(shape.work(), shape.total());
}
// Slots beside the functions' gradients: for a recurrence, or the second of two parameters.
LONGTAIL_HOST_DEVICE inline int kan_extra_slots(const rational::BasisShape& shape) {
  if (shape.kind == rational::BasisKind::bspline) return shape.work();
  return rational::has_parameters(shape.kind) ? shape.functions : 0;
}

// `size` sums in each of `blocks` blocks: groups of rows, in whole tiles, to fill a GPU.
inline void kan_cut_rows(std::int64_t rows, std::int64_t blocks, std::int64_t size,
                         KanTiles& tiles) {
  const std::int64_t count = std::max<std::int64_t>(1, kan_ceil(rows, kKanTile));
  const std::int64_t wanted = kan_ceil(kKanBlocks, std::max<std::int64_t>(1, blocks));
  const std::int64_t kept = kKanPartials / std::max<std::int64_t>(1, size);
  const std::int64_t groups =
      std::max<std::int64_t>(1, std::min({wanted, kept, kan_ceil(count, 4)}));
  tiles.group_rows = kan_ceil(count, groups) * kKanTile;
  tiles.groups = kan_ceil(rows, tiles.group_rows);
}

// Forward: a power of two, so that threads are shared out evenly, in 32 KiB if that is possible.
// Blocks of two times 64 outputs where even then there are enough of them.
template <class S>
KanTiles kan_forward_tiles(const KanLayer<S>& layer) {
  constexpr std::int64_t kEnough = 32 * 1024 / sizeof(S);
  const auto needed = [&](int parts) {
    return std::int64_t{kan_slots(layer.shape)} * kKanRows +
           std::int64_t{parts} * layer.shape.total() * kKanOutputs;
  };
  KanTiles tiles{};
  tiles.slots = kan_slots(layer.shape);
  const std::int64_t wide =
      kan_ceil(layer.rows, kKanRows) * kan_ceil(layer.outputs, 2 * kKanOutputs);
  const bool doubled =
      layer.outputs > kKanOutputs && wide >= 2 * kKanBlocks && 2 * needed(2) <= kEnough;
  tiles.parts = doubled ? 2 : 1;
  tiles.step = 8;
  while (tiles.step > 1 &&
         (tiles.step * needed(tiles.parts) > kEnough || tiles.step >= 2 * layer.inputs)) {
    tiles.step /= 2;
  }
  tiles.steps = kan_ceil(layer.inputs, tiles.step);
  tiles.shared = tiles.step * needed(tiles.parts);
  return tiles;
}

inline int kan_step(std::int64_t inputs, int total, int slots) {
  const int fits = std::min(kKanColumns / total, 2 * rational::kMaxFunctions / slots);
  return static_cast<int>(std::min<std::int64_t>(inputs, std::max(1, fits)));
}

// The functions themselves.
template <class S>
KanTiles kan_basis_tiles(const KanLayer<S>& layer) {
  KanTiles tiles{};
  tiles.slots = kan_slots(layer.shape);
  tiles.step = kan_step(layer.inputs, layer.shape.total(), tiles.slots);
  tiles.steps = kan_ceil(layer.inputs, tiles.step);
  tiles.shared = tiles.step * tiles.slots * kKanPitch;
  return tiles;
}

// The gradient of weights: as many blocks as steps and tiles of outputs, times groups.
template <class S>
KanTiles kan_weight_tiles(const KanLayer<S>& layer) {
  KanTiles tiles = kan_basis_tiles(layer);
  tiles.shared += kKanTile * kKanOutputs;
  kan_cut_rows(layer.rows, tiles.steps * kan_ceil(layer.outputs, kKanOutputs),
               layer.outputs * layer.inputs * layer.shape.total(), tiles);
  return tiles;
}

// The gradients of x and of the functions' parameters. Where there are no sums over rows, each
// tile of rows is a group.
constexpr int kKanSlicePitch = kKanTile + 4;  // rows of grad, still aligned
template <class S>
KanTiles kan_pull_tiles(const KanLayer<S>& layer) {
  KanTiles tiles{};
  const int total = layer.shape.total();
  tiles.slots = total + kan_extra_slots(layer.shape);
  tiles.step = kan_step(layer.inputs, total, tiles.slots);
  tiles.steps = kan_ceil(layer.inputs, tiles.step);
  tiles.shared = tiles.step * tiles.slots * kKanPitch + kKanSlice * (kKanSlicePitch + kKanColumns);
  if (rational::has_parameters(layer.shape.kind)) {
    kan_cut_rows(layer.rows, tiles.steps, 2 * layer.inputs * layer.shape.functions, tiles);
  } else {
    tiles.group_rows = kKanTile;
    tiles.groups = kan_ceil(layer.rows, kKanTile);
  }
  return tiles;
}

// How rows are shared out for the edges' gradients, 32 outputs and 32 inputs a block.
inline std::int64_t hat_blocks(std::int64_t inputs, std::int64_t outputs) {
  return kan_ceil(inputs, 32) * kan_ceil(outputs, 32);
}
inline KanTiles hat_tiles(std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  KanTiles tiles{};
  kan_cut_rows(rows, hat_blocks(inputs, outputs), 3 * inputs * outputs, tiles);
  return tiles;
}

// The gradient of bias: a warp sums so many rows of 32 outputs.
constexpr int kKanBiasRows = 128;
inline std::int64_t kan_bias_parts(std::int64_t rows) { return kan_ceil(rows, kKanBiasRows); }

}  // namespace longtail::cuda
