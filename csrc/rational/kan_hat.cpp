#include "rational/kan_hat.h"

#include "rational/kan_hat_level.h"
#include "rational/kan_plan.h"

namespace longtail::rational {
namespace {

template <class S>
const HatKernels<S>& hat_kernels() {
  if constexpr (sizeof(S) == 8) {
    static constexpr PerLevel<const HatKernels<S>*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kHatDouble);
    return *levels[cpu_level()];
  } else {
    static constexpr PerLevel<const HatKernels<S>*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kHatFloat);
    return *levels[cpu_level()];
  }
}

/// The edges in S, scales as their inverses.
template <class S>
struct Edges {
  std::int64_t inputs;
  std::vector<S> weight, inverse, shift;

  explicit Edges(const HatEdges& edges)
      : inputs(edges.inputs),
        weight(edges.weight.begin(), edges.weight.end()),
        shift(edges.shift.begin(), edges.shift.end()) {
    inverse.reserve(edges.scale.size());
    for (const double scale : edges.scale) inverse.push_back(static_cast<S>(1 / scale));
  }
  HatRow<S> row(std::int64_t output, std::int64_t input) const {
    const std::int64_t at = output * inputs + input;
    return {weight.data() + at, inverse.data() + at, shift.data() + at};
  }
};

/// Inputs that are summed at a time, and rows whose sums are in S before they become float64.
constexpr std::int64_t kHatInputs = 64, kHatRows = 64;

BasisShape one_function() { return {BasisKind::mexican_hat, 1, 0, 0, false}; }

/// Cut as the other layers are, in chunks of one width.
KanPlan plan_of(const HatEdges& edges, std::int64_t rows) {
  return KanPlan(Basis{one_function(), edges.inputs, 1, {}, {}}, rows);
}

template <class S>
void forward(const HatEdges& given, const std::vector<double>& bias, std::int64_t rows, DType dtype,
             const void* x, void* y, const ParallelFor& parallel_for) {
  const Edges<S> edges(given);
  const HatKernels<S>& kernels = hat_kernels<S>();
  const KanKernels<S>& tools = kan_kernels<S>();
  const int d = static_cast<int>(dtype);
  const auto task = [&](std::int64_t begin, std::int64_t end) {
    const auto from = scratch<S>(given.inputs), to = scratch<S>(given.outputs);
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t size = item_size(dtype);
      tools.widen[d](static_cast<const std::byte*>(x) + n * given.inputs * size, from.get(),
                     given.inputs);
      for (std::int64_t o = 0; o < given.outputs; ++o) {
        double sum = bias.empty() ? 0 : bias[o];
        for (std::int64_t i = 0; i < given.inputs; i += kHatInputs) {
          sum += double{kernels.value(edges.row(o, i), from.get() + i,
                                      std::min(kHatInputs, given.inputs - i))};
        }
        to[o] = static_cast<S>(sum);
      }
      tools.narrow[d](to.get(), static_cast<std::byte*>(y) + n * given.outputs * size,
                      given.outputs);
    }
  };
  run_parallel(parallel_for, 0, rows, 4, task);
}

template <class S>
void backward(const HatEdges& given, std::int64_t rows, DType dtype, const void* grad,
              const void* x, void* dx, HatGradients& gradients, const ParallelFor& parallel_for) {
  const Edges<S> edges(given);
  const HatKernels<S>& kernels = hat_kernels<S>();
  const KanKernels<S>& tools = kan_kernels<S>();
  const KanPlan plan = plan_of(given, rows);
  const std::int64_t size = given.outputs * given.inputs;
  const int d = static_cast<int>(dtype);
  std::vector<double> sums(plan.groups * 3 * size, 0.0), d_bias(plan.groups * given.outputs, 0.0);
  const auto task = [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t width = plan.chunk_inputs, edge_count = given.outputs * width;
    const auto from = scratch<S>(kHatRows * width), to = scratch<S>(kHatRows * width);
    const auto g = scratch<S>(kHatRows * given.outputs);
    std::vector<S> own(3 * edge_count);
    for (std::int64_t each = begin; each < end; ++each) {
      const std::int64_t c = each % plan.chunks, group = each / plan.chunks, count = plan.size(c);
      const std::int64_t stop = std::min(rows, (group + 1) * plan.group_rows);
      for (std::int64_t row = group * plan.group_rows; row < stop; row += kHatRows) {
        const std::int64_t here = std::min(kHatRows, stop - row);
        widen_chunk(tools, plan, dtype, x, row, here, c, from.get());
        tools.widen[d](static_cast<const std::byte*>(grad) + row * given.outputs * item_size(dtype),
                       g.get(), here * given.outputs);
        std::fill_n(to.get(), here * count, S(0));
        std::fill(own.begin(), own.end(), S(0));
        for (std::int64_t o = 0; o < given.outputs; ++o) {
          S* first = own.data() + o * width;
          const HatRowSums<S> of_output = {first, first + edge_count, first + 2 * edge_count};
          for (std::int64_t n = 0; n < here; ++n) {
            const S pulled = g[n * given.outputs + o];
            kernels.pull(edges.row(o, plan.start(c)), pulled, from.get() + n * count, count,
                         to.get() + n * count, of_output);
            if (c == 0) d_bias[group * given.outputs + o] += double{pulled};
          }
          for (int p = 0; p < 3; ++p) {
            double* at = sums.data() + (group * 3 + p) * size + o * given.inputs + plan.start(c);
            for (std::int64_t i = 0; i < count; ++i)
              at[i] += double{own[p * edge_count + o * width + i]};
          }
        }
        narrow_chunk(tools, plan, dtype, to.get(), row, here, c, dx);
      }
    }
  };
  run_parallel(parallel_for, 0, plan.chunks * plan.groups, 1, task);
  add_parts(d_bias, gradients.bias);
  for (std::int64_t group = 0; group < plan.groups; ++group) {
    const double* of_group = sums.data() + group * 3 * size;
    for (std::int64_t e = 0; e < size; ++e) {
      gradients.weight[e] += of_group[e];
      gradients.scale[e] += of_group[size + e];
      gradients.shift[e] += of_group[2 * size + e];
    }
  }
}

}  // namespace

void hat_linear(const HatEdges& edges, const std::vector<double>& bias, std::int64_t rows,
                DType dtype, const void* x, void* y, const ParallelFor& parallel_for) {
  const auto run = dtype == DType::float64 ? forward<double> : forward<float>;
  run(edges, bias, rows, dtype, x, y, parallel_for);
}

void hat_linear_backward(const HatEdges& edges, std::int64_t rows, DType dtype, const void* grad,
                         const void* x, void* dx, HatGradients& gradients,
                         const ParallelFor& parallel_for) {
  const std::int64_t size = edges.outputs * edges.inputs;
  for (auto* each : {&gradients.weight, &gradients.scale, &gradients.shift}) {
    each->assign(size, 0.0);
  }
  gradients.bias.assign(edges.outputs, 0.0);
  const auto run = dtype == DType::float64 ? backward<double> : backward<float>;
  run(edges, rows, dtype, grad, x, dx, gradients, parallel_for);
}

}  // namespace longtail::rational
