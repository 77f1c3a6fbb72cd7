// phi [rows, inputs, K] itself, and its gradient.

#include "rational/kan_plan.h"

namespace longtail::rational {
namespace {

/// [rows, total, inputs of the chunk] to or from [rows, inputs, total].
template <bool ToTile, class S>
void exchange(const KanKernels<S>& kernels, const KanPlan& plan, DType dtype, std::byte* phi,
              std::int64_t row, std::int64_t rows, std::int64_t chunk, S* tile, S* line) {
  const std::int64_t count = plan.size(chunk), all = count * plan.total;
  const int d = static_cast<int>(dtype);
  for (std::int64_t n = 0; n < rows; ++n, tile += all) {
    std::byte* at =
        phi + ((row + n) * plan.inputs + plan.start(chunk)) * plan.total * item_size(dtype);
    if constexpr (ToTile) kernels.widen[d](at, line, all);
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t k = 0; k < plan.total; ++k) {
        S& here = tile[k * count + i];
        S& there = line[i * plan.total + k];
        ToTile ? here = there : there = here;
      }
    }
    if constexpr (!ToTile) kernels.narrow[d](line, at, all);
  }
}

template <class S>
void forward(const Basis& basis, std::int64_t rows, DType dtype, const void* x, void* phi,
             const ParallelFor& parallel_for) {
  const KanKernels<S>& kernels = kan_kernels<S>();
  const KanPlan plan(basis, rows);
  const KanTable<S> table(basis, kernels.lanes);
  const auto values = kernels.values[static_cast<int>(basis.shape.kind)];
  const std::int64_t tiles = blocks_of(rows, KanPlan::kTileRows);
  const auto task = [&](std::int64_t begin, std::int64_t end) {
    const auto elements = scratch<S>(KanPlan::kTileRows * plan.chunk_inputs);
    const auto tile = scratch<S>(KanPlan::kTileRows * plan.chunk_inputs * plan.total);
    const auto line = scratch<S>(plan.chunk_inputs * plan.total);
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t row = t * KanPlan::kTileRows, count = plan.tile(row, rows);
      for (std::int64_t c = 0; c < plan.chunks; ++c) {
        widen_chunk(kernels, plan, dtype, x, row, count, c, elements.get());
        values({&basis.shape, table.values.data() + plan.start(c), table.stride, elements.get(),
                count, plan.size(c)},
               tile.get());
        exchange<false>(kernels, plan, dtype, static_cast<std::byte*>(phi), row, count, c,
                        tile.get(), line.get());
      }
    }
  };
  run_parallel(parallel_for, 0, tiles, 1, task);
}

template <class S>
void backward(const Basis& basis, std::int64_t rows, DType dtype, const void* grad, const void* x,
              void* dx, KanGradients& gradients, const ParallelFor& parallel_for) {
  const KanKernels<S>& kernels = kan_kernels<S>();
  const KanPlan plan(basis, rows);
  const KanTable<S> table(basis, kernels.lanes);
  const auto pull = kernels.pull[static_cast<int>(basis.shape.kind)];
  const bool parameters = has_parameters(basis.shape.kind);
  const std::int64_t functions = parameters ? basis.shape.functions : 0;
  const std::int64_t size = plan.inputs * functions;
  std::vector<double> first(plan.groups * size, 0.0), second(plan.groups * size, 0.0);
  const auto task = [&](std::int64_t begin, std::int64_t end) {
    const auto elements = scratch<S>(KanPlan::kTileRows * plan.chunk_inputs);
    const auto slopes = scratch<S>(KanPlan::kTileRows * plan.chunk_inputs);
    const auto tile = scratch<S>(KanPlan::kTileRows * plan.chunk_inputs * plan.total);
    const auto line = scratch<S>(plan.chunk_inputs * plan.total);
    for (std::int64_t each = begin; each < end; ++each) {
      const std::int64_t c = each % plan.chunks, group = each / plan.chunks;
      const std::int64_t stop = std::min(rows, (group + 1) * plan.group_rows);
      const std::int64_t sums = group * size + plan.start(c) * functions;
      for (std::int64_t row = group * plan.group_rows; row < stop; row += KanPlan::kTileRows) {
        const std::int64_t count = plan.tile(row, stop);
        widen_chunk(kernels, plan, dtype, x, row, count, c, elements.get());
        auto* bytes = const_cast<std::byte*>(static_cast<const std::byte*>(grad));  // only read
        exchange<true>(kernels, plan, dtype, bytes, row, count, c, tile.get(), line.get());
        pull({&basis.shape, table.values.data() + plan.start(c), table.stride, elements.get(),
              count, plan.size(c)},
             tile.get(), slopes.get(), parameters ? first.data() + sums : nullptr,
             parameters ? second.data() + sums : nullptr);
        narrow_chunk(kernels, plan, dtype, slopes.get(), row, count, c, dx);
      }
    }
  };
  run_parallel(parallel_for, 0, plan.chunks * plan.groups, 1, task);
  collect_parameters(plan, functions, first, gradients.first);
  collect_parameters(plan, functions, second, gradients.second);
}

}  // namespace

void kan_basis(const Basis& basis, std::int64_t rows, DType dtype, const void* x, void* phi,
               const ParallelFor& parallel_for) {
  if (rows == 0 || basis.inputs == 0) return;
  const auto run = dtype == DType::float64 ? forward<double> : forward<float>;
  run(basis, rows, dtype, x, phi, parallel_for);
}

void kan_basis_backward(const Basis& basis, std::int64_t rows, DType dtype, const void* grad,
                        const void* x, void* dx, KanGradients& gradients,
                        const ParallelFor& parallel_for) {
  prepare_parameters(basis, gradients);
  if (rows == 0 || basis.inputs == 0) return;
  const auto run = dtype == DType::float64 ? backward<double> : backward<float>;
  run(basis, rows, dtype, grad, x, dx, gradients, parallel_for);
}

}  // namespace longtail::rational
