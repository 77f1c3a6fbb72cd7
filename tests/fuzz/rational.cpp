// Group rationals, polynomial compositions, Kolmogorov-Arnold layers: forward and backward.
#include "input.h"
#include "rational/kan.h"
#include "rational/kan_hat.h"
#include "rational/kernels.h"
#include "rational/poly.h"

namespace longtail::fuzz {
namespace {

using namespace rational;

/// Sums as memory, to be compared.
Memory memory_of(const std::vector<double>& values) {
  Memory memory(DType::float64, std::int64_t(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) memory.set(std::int64_t(i), values[i]);
  return memory;
}

void group_rational(Input& input) {
  const Shape shape{input.between(0, 5), input.between(1, 6), input.between(0, 70)};
  Table table{int(input.between(0, 1)),
              int(input.between(0, kMaxNumerator)),
              int(input.between(0, kMaxDenominator)),
              {}};
  table.rows = input.doubles(shape.groups * kSlots);
  for (std::int64_t g = 0; g < shape.groups; ++g) {  // orders that are not in use are 0
    for (int k = table.m + 1; k <= kMaxNumerator; ++k) table.rows[g * kSlots + k] = 0;
    for (int k = table.n; k < kMaxDenominator; ++k) {
      table.rows[g * kSlots + kMaxNumerator + 1 + k] = 0;
    }
  }
  const DType dtype = input.dtype();
  const bool extremes = input.flag();
  const std::int64_t count = shape.outer * shape.groups * shape.run;
  const Memory x = input.elements(dtype, count, extremes), grad = input.elements(dtype, count);
  Memory y(dtype, count), dx(dtype, count), sums(DType::float64, shape.groups * kSlots);
  runs_alike({&y, &dx, &sums}, [&](const ParallelFor& parallel_for) {
    forward(shape, table, dtype, x.data(), y.data(), parallel_for);
    std::vector<double> raw;
    backward(shape, table, dtype, grad.data(), x.data(), dx.data(), raw, parallel_for);
    sums = memory_of(raw);
  });
  // The denominators are at least 1, and numbers of this size do not overflow float16 alone.
  require(extremes || dtype == DType::float16 || (!y.has_nan() && !dx.has_nan()), "nan of numbers");
}

void polynomials(Input& input) {
  const Poly poly{{input.moderate(), input.moderate(), input.moderate()}, input.moderate()};
  const std::int64_t rows = input.between(0, 9), columns = input.between(1, 150);
  const DType dtype = input.dtype();
  const bool norm = input.flag(), extremes = input.flag();
  const Memory x = input.elements(dtype, rows * columns, extremes);
  const Memory grad = input.elements(dtype, rows * columns);
  Memory y(dtype, rows * columns), dx(dtype, rows * columns), sums(DType::float64, 4);
  runs_alike({&y, &dx, &sums}, [&](const ParallelFor& each) {
    PolySums raw;
    if (norm) {
      poly_norm(poly, 1e-6, rows, columns, dtype, x.data(), y.data(), each);
      raw = poly_norm_backward(poly, 1e-6, rows, columns, dtype, grad.data(), x.data(), dx.data(),
                               each);
    } else {
      poly_relu(poly, rows * columns, dtype, x.data(), y.data(), each);
      raw = poly_relu_backward(poly, rows * columns, dtype, grad.data(), x.data(), dx.data(), each);
    }
    sums = memory_of({raw.begin(), raw.end()});
  });
  require(extremes || (!y.has_nan() && !dx.has_nan()), "nan of numbers");
}

/// Functions with rising knots, positive widths, windows that are not empty.
Basis basis_of(Input& input) {
  Basis basis{{static_cast<BasisKind>(input.between(0, kBasisKinds - 1)), 1, 0, 0, input.flag()},
              input.between(1, 9),
              1,
              {},
              {}};
  BasisShape& shape = basis.shape;
  shape.functions = int(input.between(1, 12));
  if (shape.kind == BasisKind::fourier) shape.functions *= 2;
  if (shape.kind == BasisKind::bspline) shape.degree = int(input.between(0, 5));
  if (shape.kind == BasisKind::relu_window) {
    shape.variant = int(input.between(0, kActivations * kCombinations));
  }
  if (shape.kind != BasisKind::bspline && !has_parameters(shape.kind)) return basis;
  basis.rows_of_table = input.flag() ? basis.inputs : 1;
  const int columns = parameters_of_input(shape);
  basis.first = input.doubles(basis.rows_of_table * columns);
  for (std::int64_t row = 0; row < basis.rows_of_table; ++row) {
    const auto from = basis.first.begin() + row * columns;
    std::sort(from, from + columns);  // knots may be equal
  }
  if (shape.kind == BasisKind::bspline) return basis;
  for (const double each : input.doubles(basis.rows_of_table * columns)) {
    const double width = std::abs(each) + 0.0625;
    const bool window = shape.kind == BasisKind::relu_window;
    basis.second.push_back(window ? basis.first[basis.second.size()] + width : width);
  }
  return basis;
}

void kan(Input& input) {
  const Basis basis = basis_of(input);
  const std::int64_t rows = input.between(0, 40), outputs = input.between(1, 9);
  const std::int64_t total = basis.shape.total(), inputs = basis.inputs;
  const DType dtype = input.dtype(), of_weight = input.flag() ? dtype : DType::float32;
  const bool extremes = input.flag();
  const Memory x = input.elements(dtype, rows * inputs, extremes);
  const Memory weight = input.elements(of_weight, outputs * inputs * total);
  const Memory grad = input.elements(dtype, rows * outputs);
  const Memory grad_phi = input.elements(dtype, rows * inputs * total);
  const std::vector<double> bias = input.doubles(input.flag() ? outputs : 0);
  Memory phi(dtype, rows * inputs * total), y(dtype, rows * outputs), dx(dtype, rows * inputs);
  Memory dx_phi(dtype, rows * inputs), d_weight(of_weight, outputs * inputs * total);
  runs_alike({&phi, &y, &dx, &dx_phi, &d_weight}, [&](const ParallelFor& each) {
    kan_basis(basis, rows, dtype, x.data(), phi.data(), each);
    KanGradients sums;
    kan_basis_backward(basis, rows, dtype, grad_phi.data(), x.data(), dx_phi.data(), sums, each);
    kan_linear(basis, rows, outputs, dtype, x.data(), {weight.data(), of_weight}, bias, y.data(),
               each);
    kan_linear_backward(basis, rows, outputs, dtype, grad.data(), x.data(),
                        {weight.data(), of_weight}, dx.data(), {d_weight.data(), of_weight}, sums,
                        each);
  });
  const bool wide = dtype == DType::float64;  // of narrower types products may overflow
  require(extremes || !wide || (!phi.has_nan() && !y.has_nan()), "nan of numbers");
}

void hats(Input& input) {
  HatEdges edges{input.between(1, 9), input.between(1, 9), {}, {}, {}};
  const std::int64_t count = edges.inputs * edges.outputs, rows = input.between(0, 40);
  edges.weight = input.doubles(count);
  for (const double each : input.doubles(count)) edges.scale.push_back(std::abs(each) + 0.0625);
  edges.shift = input.doubles(count);
  const DType dtype = input.dtype();
  const bool extremes = input.flag();
  const Memory x = input.elements(dtype, rows * edges.inputs, extremes);
  const Memory grad = input.elements(dtype, rows * edges.outputs);
  const std::vector<double> bias = input.doubles(input.flag() ? edges.outputs : 0);
  Memory y(dtype, rows * edges.outputs), dx(dtype, rows * edges.inputs);
  runs_alike({&y, &dx}, [&](const ParallelFor& each) {
    HatGradients sums;
    hat_linear(edges, bias, rows, dtype, x.data(), y.data(), each);
    hat_linear_backward(edges, rows, dtype, grad.data(), x.data(), dx.data(), sums, each);
  });
  require(extremes || (!y.has_nan() && !dx.has_nan()), "nan of numbers");
}

}  // namespace
}  // namespace longtail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longtail::fuzz;
  Input input(data, size);
  void (*const targets[])(Input&) = {group_rational, polynomials, kan, hats};
  targets[input.between(0, 3)](input);
  return 0;
}
