// How the work on a Kolmogorov-Arnold layer is cut, and the table of its functions. Nothing here
// knows how many threads there are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "rational/kan.h"
#include "rational/kan_level.h"

namespace longtail::rational {

template <class S>
const KanKernels<S>& kan_kernels() {
  if constexpr (sizeof(S) == 8) {
    static constexpr PerLevel<const KanKernels<S>*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kKanDouble);
    return *levels[cpu_level()];
  } else {
    static constexpr PerLevel<const KanKernels<S>*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kKanFloat);
    return *levels[cpu_level()];
  }
}

/// Inputs are cut into chunks whose functions fill a first cache beside the weights, rows into
/// tiles. A gradient's sums over all rows are taken chunk by chunk; where there are too few chunks
/// to share out, the rows are cut into groups too, whose sums are added in order.
struct KanPlan {
  static constexpr std::int64_t kTileRows = 96;
  static constexpr std::int64_t kTasks = 32;        // enough to share out
  static constexpr std::int64_t kTilesAtLeast = 4;  // in a group of rows

  std::int64_t inputs, rows, total;
  std::int64_t chunk_inputs, chunks, groups, group_rows;

  KanPlan(const Basis& basis, std::int64_t rows_)
      : inputs(basis.inputs), rows(rows_), total(basis.shape.total()) {
    chunk_inputs = std::max<std::int64_t>(1, std::min<std::int64_t>(inputs, total <= 12 ? 32 : 16));
    chunks = blocks_of(inputs, chunk_inputs);
    const std::int64_t wanted = blocks_of(kTasks, std::max<std::int64_t>(1, chunks));
    const std::int64_t tiles = std::max<std::int64_t>(1, blocks_of(rows, kTileRows));
    groups = std::clamp<std::int64_t>(tiles / kTilesAtLeast, 1, wanted);
    group_rows = blocks_of(tiles, groups) * kTileRows;
    groups = std::max<std::int64_t>(1, blocks_of(rows, group_rows));
  }

  std::int64_t start(std::int64_t chunk) const { return chunk * chunk_inputs; }
  std::int64_t size(std::int64_t chunk) const {
    return std::min(inputs - start(chunk), chunk_inputs);
  }
  /// Rows of the tile that starts at `row` and ends before `end`.
  static std::int64_t tile(std::int64_t row, std::int64_t end) {
    return std::min(kTileRows, end - row);
  }
};

/// The table of kan_math.h for all inputs, in columns of S padded to whole vectors.
template <class S>
struct KanTable {
  std::int64_t stride;
  std::vector<S> values;

  KanTable(const Basis& basis, int lanes)
      : stride((blocks_of(basis.inputs, lanes) + 1) * lanes),
        values(static_cast<std::size_t>(table_rows(basis.shape) * stride), S(0)) {
    const std::int64_t height = table_rows(basis.shape);
    if (height == 0) return;
    std::vector<double> column(height);
    for (std::int64_t i = 0; i < basis.inputs; ++i) {
      if (i < basis.rows_of_table) {
        const std::int64_t at = i * parameters_of_input(basis.shape);
        // Knots come without a second parameter.
        const double* second = basis.second.empty() ? nullptr : basis.second.data() + at;
        fill_table(basis.shape, basis.first.data() + at, second, column.data(), 1);
      }
      for (std::int64_t r = 0; r < height; ++r) {
        values[r * stride + i] = static_cast<S>(column[r]);
      }
    }
  }
};

/// Rows `row` ... of the inputs of one chunk, widened into `to` [rows, inputs of the chunk].
template <class S>
void widen_chunk(const KanKernels<S>& kernels, const KanPlan& plan, DType dtype, const void* x,
                 std::int64_t row, std::int64_t rows, std::int64_t chunk, S* to) {
  const std::int64_t count = plan.size(chunk);
  for (std::int64_t n = 0; n < rows; ++n) {
    const std::int64_t element = (row + n) * plan.inputs + plan.start(chunk);
    kernels.widen[static_cast<int>(dtype)](
        static_cast<const std::byte*>(x) + element * item_size(dtype), to + n * count, count);
  }
}
/// The way back.
template <class S>
void narrow_chunk(const KanKernels<S>& kernels, const KanPlan& plan, DType dtype, const S* from,
                  std::int64_t row, std::int64_t rows, std::int64_t chunk, void* x) {
  const std::int64_t count = plan.size(chunk);
  for (std::int64_t n = 0; n < rows; ++n) {
    const std::int64_t element = (row + n) * plan.inputs + plan.start(chunk);
    kernels.narrow[static_cast<int>(dtype)](
        from + n * count, static_cast<std::byte*>(x) + element * item_size(dtype), count);
  }
}

/// to += the parts in order, each `size` long: the same sum whoever made the parts.
inline void add_parts(const std::vector<double>& parts, std::vector<double>& to) {
  const std::size_t size = to.size();
  if (size == 0) return;
  for (std::size_t part = 0; part < parts.size() / size; ++part) {
    for (std::size_t k = 0; k < size; ++k) to[k] += parts[part * size + k];
  }
}

/// Zeros where the functions have parameters.
inline void prepare_parameters(const Basis& basis, KanGradients& gradients) {
  const bool parameters = has_parameters(basis.shape.kind);
  const std::int64_t size = parameters ? basis.inputs * basis.shape.functions : 0;
  gradients.first.assign(size, 0.0);
  gradients.second.assign(size, 0.0);
}

/// Adds the groups' sums [groups, chunks, functions, inputs of the chunk] to [inputs, functions].
inline void collect_parameters(const KanPlan& plan, std::int64_t functions,
                               const std::vector<double>& parts, std::vector<double>& to) {
  const std::int64_t size = plan.inputs * functions;
  for (std::int64_t i = 0; i < plan.inputs; ++i) {
    const std::int64_t c = i / plan.chunk_inputs;
    for (std::int64_t k = 0; k < functions; ++k) {
      const std::int64_t at = plan.start(c) * functions + k * plan.size(c) + (i - plan.start(c));
      for (std::int64_t g = 0; g < plan.groups; ++g) {
        to[i * functions + k] += parts[g * size + at];
      }
    }
  }
}

}  // namespace longtail::rational
