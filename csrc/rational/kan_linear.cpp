// The fused layer. Forward: for each tile of rows and chunk of inputs, the functions are evaluated
// into a cache-sized buffer and multiplied with the chunk's weights, packed once. Backward: each
// chunk walks over the rows once, and uses its functions for the weight gradient and the product of
// grad and weight, pulled back through the functions' slopes, for dx.

#include "core/element_type.h"
#include "rational/kan_plan.h"

namespace longtail::rational {
namespace {

/// Weights [outputs, inputs, total] in S, whatever the caller's type.
template <class S>
struct Weights {
  std::vector<S> own;
  const S* data;

  Weights(const KanKernels<S>& kernels, const Parameter& weight, std::int64_t count) {
    if ((weight.dtype == DType::float64) == (sizeof(S) == 8) &&
        (weight.dtype == DType::float64 || weight.dtype == DType::float32)) {
      data = static_cast<const S*>(weight.data);
      return;
    }
    own.resize(count);
    kernels.widen[static_cast<int>(weight.dtype)](weight.data, own.data(), count);
    data = own.data();
  }
};

/// What both directions need of a layer.
template <class S>
struct Layer {
  const Basis& basis;
  const KanKernels<S>& kernels;
  KanPlan plan;
  KanTable<S> table;
  std::int64_t outputs;
  Panels columns;  // of the outputs
  Weights<S> weights;

  Layer(const Basis& basis_, std::int64_t rows, std::int64_t outputs_, const Parameter& weight)
      : basis(basis_),
        kernels(kan_kernels<S>()),
        plan(basis, rows),
        table(basis, kernels.lanes),
        outputs(outputs_),
        columns(kernels.lanes, outputs),
        weights(kernels, weight, outputs * basis.inputs * basis.shape.total()),
        places(places_of(plan)) {}

  /// For each column of a chunk its place in a row [inputs, total] of the weights.
  const std::int64_t* places_of_chunk(std::int64_t chunk) const {
    return places.data() + plan.start(chunk) * plan.total;
  }

  std::int64_t depth(std::int64_t chunk) const { return plan.size(chunk) * plan.total; }
  std::int64_t largest_depth() const { return plan.chunk_inputs * plan.total; }
  KanTile<S> tile(std::int64_t chunk, const S* x, std::int64_t rows) const {
    return {&basis.shape,    table.values.data() + plan.start(chunk), table.stride, x, rows,
            plan.size(chunk)};
  }
  /// The weight of output o for column j = k * inputs + i of a chunk.
  S weight(std::int64_t o, std::int64_t chunk, std::int64_t j) const {
    return weights.data[o * plan.inputs * plan.total + places[plan.start(chunk) * plan.total + j]];
  }

 private:
  /// Where the columns of all chunks lie in a row [inputs, total] of the weights. A table, as two
  /// divisions for every weight would cost more than the rest of packing.
  static std::vector<std::int64_t> places_of(const KanPlan& plan) {
    std::vector<std::int64_t> result;
    result.reserve(plan.inputs * plan.total);
    for (std::int64_t c = 0; c < plan.chunks; ++c) {
      for (std::int64_t k = 0; k < plan.total; ++k) {
        for (std::int64_t i = 0; i < plan.size(c); ++i) {
          result.push_back((plan.start(c) + i) * plan.total + k);
        }
      }
    }
    return result;
  }
  std::vector<std::int64_t> places;
};

template <class S>
void forward(const Basis& basis, std::int64_t rows, std::int64_t outputs, DType dtype,
             const void* x, const Parameter& weight, const std::vector<double>& bias, void* y,
             const ParallelFor& parallel_for) {
  const Layer<S> layer(basis, rows, outputs, weight);
  const KanPlan& plan = layer.plan;
  const KanKernels<S>& kernels = layer.kernels;
  const std::int64_t padded = layer.columns.padded;
  const auto packed = scratch<S>(plan.inputs * plan.total * padded);
  run_parallel(parallel_for, 0, plan.chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      pack(layer.columns, layer.depth(c), outputs,
           packed.get() + plan.start(c) * plan.total * padded,
           [&](std::int64_t j, std::int64_t o) { return layer.weight(o, c, j); });
    }
  });
  const auto values = kernels.values[static_cast<int>(basis.shape.kind)];
  const auto task = [&](std::int64_t begin, std::int64_t end) {
    const auto elements = scratch<S>(KanPlan::kTileRows * plan.chunk_inputs);
    const auto phi = scratch<S>(KanPlan::kTileRows * layer.largest_depth());
    const auto sums = scratch<S>(KanPlan::kTileRows * padded);
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t row = t * KanPlan::kTileRows, count = plan.tile(row, rows);
      for (std::int64_t n = 0; n < count; ++n) {
        for (std::int64_t o = 0; o < padded; ++o) {
          const bool biased = o < static_cast<std::int64_t>(bias.size());
          sums[n * padded + o] = biased ? static_cast<S>(bias[o]) : S(0);
        }
      }
      for (std::int64_t c = 0; c < plan.chunks; ++c) {
        widen_chunk(kernels, plan, dtype, x, row, count, c, elements.get());
        values(layer.tile(c, elements.get(), count), phi.get());
        kernels.multiply(count, padded, layer.depth(c), {phi.get(), layer.depth(c), 1},
                         packed.get() + plan.start(c) * plan.total * padded, sums.get(), padded);
      }
      for (std::int64_t n = 0; n < count; ++n) {
        kernels.narrow[static_cast<int>(dtype)](
            sums.get() + n * padded,
            static_cast<std::byte*>(y) + (row + n) * outputs * item_size(dtype), outputs);
      }
    }
  };
  run_parallel(parallel_for, 0, blocks_of(rows, KanPlan::kTileRows), 1, task);
}

/// Tiles whose weight gradients are summed in S before they become float64.
constexpr std::int64_t kTilesAtOnce = 16;

/// One thread's share of a backward pass: chunk after chunk, group of rows after group.
template <class S>
struct BackwardTask {
  const Layer<S>& layer;
  DType dtype;
  const void *grad, *x;
  void* dx;
  std::unique_ptr<S[]> elements, slopes, phi, dphi, sums, grads, packed_grads, packed_weights;

  BackwardTask(const Layer<S>& layer_, DType dtype_, const void* grad_, const void* x_, void* dx_)
      : layer(layer_), dtype(dtype_), grad(grad_), x(x_), dx(dx_) {
    const std::int64_t rows = KanPlan::kTileRows, padded = layer.columns.padded;
    const std::int64_t depth = layer.largest_depth() + kPanelVectors * layer.kernels.lanes;
    elements = scratch<S>(rows * layer.plan.chunk_inputs);
    slopes = scratch<S>(rows * layer.plan.chunk_inputs);
    phi = scratch<S>(rows * depth);
    dphi = scratch<S>(rows * depth);
    sums = scratch<S>(depth * padded);
    grads = scratch<S>(rows * layer.outputs);
    packed_grads = scratch<S>(rows * padded);
    packed_weights = scratch<S>(depth * layer.outputs);
  }

  /// Adds one group's sums of a chunk to `weight` [depth, outputs], and so on.
  void run(std::int64_t chunk, std::int64_t group, double* weight, double* bias, double* first,
           double* second) {
    const KanPlan& plan = layer.plan;
    const std::int64_t depth = layer.depth(chunk), padded = layer.columns.padded;
    const Panels columns(layer.kernels.lanes, depth);
    pack(columns, layer.outputs, depth, packed_weights.get(),
         [&](std::int64_t o, std::int64_t j) { return layer.weight(o, chunk, j); });
    std::fill_n(sums.get(), depth * padded, S(0));
    const std::int64_t begin = group * plan.group_rows;
    const std::int64_t end = std::min(plan.rows, begin + plan.group_rows);
    std::int64_t tiles = 0;
    for (std::int64_t row = begin; row < end; row += KanPlan::kTileRows) {
      const std::int64_t rows = plan.tile(row, end);
      load_grads(row, rows, chunk == 0 ? bias : nullptr);
      widen_chunk(layer.kernels, plan, dtype, x, row, rows, chunk, elements.get());
      pull_back(chunk, row, rows, columns, first, second);
      const int kind = static_cast<int>(layer.basis.shape.kind);
      layer.kernels.values[kind](layer.tile(chunk, elements.get(), rows), phi.get());
      layer.kernels.multiply(depth, padded, rows, {phi.get(), 1, depth}, packed_grads.get(),
                             sums.get(), padded);
      if (++tiles % kTilesAtOnce == 0 || row + rows == end) flush(depth, weight);
    }
  }

 private:
  void load_grads(std::int64_t row, std::int64_t rows, double* bias) {
    const std::int64_t outputs = layer.outputs;
    const std::int64_t bytes = item_size(dtype) * outputs;
    layer.kernels.widen[static_cast<int>(dtype)](static_cast<const std::byte*>(grad) + row * bytes,
                                                 grads.get(), rows * outputs);
    pack(layer.columns, rows, outputs, packed_grads.get(),
         [&](std::int64_t n, std::int64_t o) { return grads[n * outputs + o]; });
    if (bias == nullptr) return;
    for (std::int64_t n = 0; n < rows; ++n) {
      for (std::int64_t o = 0; o < outputs; ++o) bias[o] += double{grads[n * outputs + o]};
    }
  }

  void pull_back(std::int64_t chunk, std::int64_t row, std::int64_t rows, const Panels& columns,
                 double* first, double* second) {
    const std::int64_t depth = layer.depth(chunk), outputs = layer.outputs;
    const int kind = static_cast<int>(layer.basis.shape.kind);
    S* product = columns.padded == depth ? dphi.get() : phi.get();  // phi is free until later
    std::fill_n(product, rows * columns.padded, S(0));
    layer.kernels.multiply(rows, columns.padded, outputs, {grads.get(), outputs, 1},
                           packed_weights.get(), product, columns.padded);
    for (std::int64_t n = 0; n < rows && product != dphi.get(); ++n) {
      std::copy_n(product + n * columns.padded, depth, dphi.get() + n * depth);
    }
    layer.kernels.pull[kind](layer.tile(chunk, elements.get(), rows), dphi.get(), slopes.get(),
                             first, second);
    narrow_chunk(layer.kernels, layer.plan, dtype, slopes.get(), row, rows, chunk, dx);
  }

  void flush(std::int64_t depth, double* weight) {
    const std::int64_t padded = layer.columns.padded, outputs = layer.outputs;
    for (std::int64_t j = 0; j < depth; ++j) {
      for (std::int64_t o = 0; o < outputs; ++o) {
        weight[j * outputs + o] += double{sums[j * padded + o]};
      }
    }
    std::fill_n(sums.get(), depth * padded, S(0));
  }
};

/// Writes a chunk's weight gradient [depth, outputs] to its columns of [outputs, inputs, total], a
/// few outputs at a time: whole cache lines are read and written.
template <class S>
void write_chunk(const Layer<S>& layer, std::int64_t chunk, const double* sums,
                 const ParameterTarget& to) {
  constexpr std::int64_t kOutputs = 16;
  const std::int64_t row = layer.plan.inputs * layer.plan.total, outputs = layer.outputs;
  const std::int64_t* places = layer.places_of_chunk(chunk);
  with_element_type(to.dtype, [&]<class E>(E*) {
    E* weight = static_cast<E*>(to.data);
    for (std::int64_t begin = 0; begin < outputs; begin += kOutputs) {
      const std::int64_t end = std::min(outputs, begin + kOutputs);
      for (std::int64_t j = 0; j < layer.depth(chunk); ++j) {
        for (std::int64_t o = begin; o < end; ++o) {
          weight[o * row + places[j]] = static_cast<E>(sums[j * outputs + o]);
        }
      }
    }
  });
}

template <class S>
void backward(const Basis& basis, std::int64_t rows, std::int64_t outputs, DType dtype,
              const void* grad, const void* x, const Parameter& weight, void* dx,
              const ParameterTarget& d_weight, KanGradients& gradients,
              const ParallelFor& parallel_for) {
  const Layer<S> layer(basis, rows, outputs, weight);
  const KanPlan& plan = layer.plan;
  const bool parameters = has_parameters(basis.shape.kind);
  const std::int64_t functions = parameters ? basis.shape.functions : 0;
  const std::int64_t weights = plan.inputs * plan.total * outputs, own = plan.inputs * functions;
  // Where each chunk is one task, its sums wait in a buffer that the task's next chunk uses again:
  // fresh memory of the size of the weights, in float64, would cost more than small products.
  const bool whole = plan.groups == 1;
  std::vector<double> parts(whole ? 0 : plan.groups * weights, 0.0);
  std::vector<double> d_bias(plan.groups * outputs, 0.0);
  std::vector<double> first(plan.groups * own, 0.0), second(plan.groups * own, 0.0);
  const auto task = [&](std::int64_t begin, std::int64_t end) {
    BackwardTask<S> run(layer, dtype, grad, x, dx);
    std::vector<double> buffer(whole ? layer.largest_depth() * outputs : 0);
    for (std::int64_t each = begin; each < end; ++each) {
      const std::int64_t c = each % plan.chunks, group = each / plan.chunks;
      const std::int64_t at = group * own + plan.start(c) * functions;
      double* sums = buffer.data();
      if (!whole) sums = parts.data() + group * weights + plan.start(c) * plan.total * outputs;
      std::fill(buffer.begin(), buffer.end(), 0.0);
      run.run(c, group, sums, d_bias.data() + group * outputs,
              parameters ? first.data() + at : nullptr, parameters ? second.data() + at : nullptr);
      if (whole) write_chunk(layer, c, sums, d_weight);
    }
  };
  run_parallel(parallel_for, 0, plan.chunks * plan.groups, 1, task);
  add_parts(d_bias, gradients.bias);
  collect_parameters(plan, functions, first, gradients.first);
  collect_parameters(plan, functions, second, gradients.second);
  if (whole) return;
  std::vector<double> total(weights, 0.0);
  add_parts(parts, total);
  for (std::int64_t c = 0; c < plan.chunks; ++c) {
    write_chunk(layer, c, total.data() + plan.start(c) * plan.total * outputs, d_weight);
  }
}

}  // namespace

void kan_linear(const Basis& basis, std::int64_t rows, std::int64_t outputs, DType dtype,
                const void* x, const Parameter& weight, const std::vector<double>& bias, void* y,
                const ParallelFor& parallel_for) {
  if (rows == 0 || outputs == 0) return;
  const auto run = dtype == DType::float64 ? forward<double> : forward<float>;
  run(basis, rows, outputs, dtype, x, weight, bias, y, parallel_for);
}

void kan_linear_backward(const Basis& basis, std::int64_t rows, std::int64_t outputs, DType dtype,
                         const void* grad, const void* x, const Parameter& weight, void* dx,
                         const ParameterTarget& d_weight, KanGradients& gradients,
                         const ParallelFor& parallel_for) {
  prepare_parameters(basis, gradients);
  gradients.bias.assign(outputs, 0.0);
  const auto run = dtype == DType::float64 ? backward<double> : backward<float>;
  run(basis, rows, outputs, dtype, grad, x, weight, dx, d_weight, gradients, parallel_for);
}

}  // namespace longtail::rational
