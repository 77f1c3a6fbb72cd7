// Kolmogorov-Arnold layers by the tile kernels, at the best level of the machine, against sums
// written out in double; odd sizes under the sanitizers.
#include <cmath>
#include <vector>

#include "core/half.h"
#include "rational/kan.h"
#include "rational/kan_hat.h"
#include "test.h"

namespace {

using namespace longtail;
using namespace longtail::rational;

struct Sizes {
  std::int64_t rows, inputs, outputs;
};
constexpr Sizes kSizes[] = {{1, 1, 1}, {3, 5, 17}, {97, 33, 35}, {200, 2, 64}, {0, 3, 2}};

std::vector<double> waves(std::int64_t count, double scale, double step) {
  std::vector<double> result(count);
  for (std::int64_t i = 0; i < count; ++i) result[i] = scale * std::sin(1.0 + step * i);
  return result;
}

Basis basis_of(BasisKind kind, std::int64_t inputs, bool base, bool own) {
  Basis basis{{kind, 5, 3, 0, base}, inputs, own ? inputs : 1, {}, {}};
  const std::int64_t parameters = kind == BasisKind::bspline ? 9 : has_parameters(kind) ? 5 : 0;
  if (kind == BasisKind::fourier) basis.shape.functions = 4;
  for (std::int64_t i = 0; i < basis.rows_of_table; ++i) {
    for (std::int64_t k = 0; k < parameters; ++k) {
      basis.first.push_back(-1.5 + 0.4 * k + 0.01 * i);
      if (kind != BasisKind::bspline) basis.second.push_back(0.7 + 0.4 * k + 0.02 * i);
    }
  }
  return basis;
}

struct PlainTable {
  std::vector<double> column;
  double operator()(int row) const { return column[row]; }
};
struct PlainWork {
  double slots[kMaxFunctions];
  double get(int j) const { return slots[j]; }
  void set(int j, double value) { slots[j] = value; }
};

template <BasisKind kind>
void functions_at(const Basis& basis, std::int64_t input, double x, double* phi, double* slope) {
  PlainTable table{std::vector<double>(table_rows(basis.shape) + 1)};
  const std::int64_t at = (basis.rows_of_table == 1 ? 0 : input) * parameters_of_input(basis.shape);
  if (!basis.first.empty()) {
    fill_table(basis.shape, basis.first.data() + at, basis.second.data() + at, table.column.data(),
               1);
  }
  PlainWork work;
  visit_basis<kind, true>(basis.shape, x, table, work, [&](int k, const Term<double>& term) {
    phi[k] = term.value;
    slope[k] = term.slope;
  });
}

template <BasisKind kind>
void compare(const Sizes& size, bool base, bool own) {
  const Basis basis = basis_of(kind, size.inputs, base, own);
  const std::int64_t total = basis.shape.total();
  const auto x = waves(size.rows * size.inputs, 1.3, 0.7);
  const auto grad = waves(size.rows * size.outputs, 1.0, 0.3);
  const auto weight = waves(size.outputs * size.inputs * total, 1.0, 1.1);
  const auto bias = waves(size.outputs, 1.0, 0.9);
  std::vector<double> y(grad.size()), dx(x.size()), phi(x.size() * total);
  const Parameter parameter{weight.data(), DType::float64};
  kan_linear(basis, size.rows, size.outputs, DType::float64, x.data(), parameter, bias, y.data());
  KanGradients gradients;
  std::vector<double> got_weight(weight.size(), -1.0);
  kan_linear_backward(basis, size.rows, size.outputs, DType::float64, grad.data(), x.data(),
                      parameter, dx.data(), {got_weight.data(), DType::float64}, gradients);
  kan_basis(basis, size.rows, DType::float64, x.data(), phi.data());
  std::vector<double> d_weight(weight.size(), 0.0), d_bias(bias.size(), 0.0);
  for (std::int64_t n = 0; n < size.rows; ++n) {
    std::vector<double> sums = bias;
    for (std::int64_t i = 0; i < size.inputs; ++i) {
      double value[kMaxFunctions], slope[kMaxFunctions], pulled = 0;
      functions_at<kind>(basis, i, x[n * size.inputs + i], value, slope);
      for (std::int64_t k = 0; k < total; ++k) {
        const double got = phi[(n * size.inputs + i) * total + k];
        CHECK(std::abs(got - value[k]) <= 1e-14 * (1 + std::abs(value[k])));
        for (std::int64_t o = 0; o < size.outputs; ++o) {
          const std::int64_t at = (o * size.inputs + i) * total + k;
          const double g = grad[n * size.outputs + o];
          sums[o] += weight[at] * value[k];
          d_weight[at] += g * value[k];
          pulled += g * weight[at] * slope[k];
        }
      }
      CHECK(std::abs(dx[n * size.inputs + i] - pulled) <= 1e-11 * (1 + std::abs(pulled)));
    }
    for (std::int64_t o = 0; o < size.outputs; ++o) {
      CHECK(std::abs(y[n * size.outputs + o] - sums[o]) <= 1e-11 * (1 + std::abs(sums[o])));
      d_bias[o] += grad[n * size.outputs + o];
    }
  }
  for (std::size_t k = 0; k < d_weight.size(); ++k) {
    CHECK(std::abs(got_weight[k] - d_weight[k]) <= 1e-11 * (1 + std::abs(d_weight[k])));
  }
  for (std::size_t k = 0; k < d_bias.size(); ++k) {
    CHECK(std::abs(gradients.bias[k] - d_bias[k]) <= 1e-11 * (1 + std::abs(d_bias[k])));
  }
}

template <BasisKind... kinds>
void compare_all() {
  for (const Sizes& size : kSizes) {
    for (const bool base : {false, true}) {
      for (const bool own : {false, true}) (compare<kinds>(size, base, own), ...);
    }
  }
}

TEST(layers_of_any_size) {
  using enum BasisKind;
  compare_all<bspline, gaussian_rbf, rswaf, chebyshev, legendre, hermite, relu_window, fourier>();
}

TEST(narrow_types) {
  const Sizes size{50, 7, 9};
  const Basis basis = basis_of(BasisKind::gaussian_rbf, size.inputs, true, false);
  const auto weight = waves(size.outputs * size.inputs * basis.shape.total(), 1.0, 1.1);
  const auto wide = waves(size.rows * size.inputs, 1.0, 0.7);
  const std::vector<bfloat16> x(wide.begin(), wide.end());
  const std::vector<double> rounded(x.begin(), x.end());
  std::vector<bfloat16> y(size.rows * size.outputs);
  std::vector<double> exact(y.size());
  const Parameter parameter{weight.data(), DType::float64};
  kan_linear(basis, size.rows, size.outputs, DType::float64, rounded.data(), parameter, {},
             exact.data());
  const std::vector<float> single(weight.begin(), weight.end());
  kan_linear(basis, size.rows, size.outputs, DType::bfloat16, x.data(),
             {single.data(), DType::float32}, {}, y.data());
  for (std::size_t k = 0; k < y.size(); ++k) {
    CHECK(std::abs(static_cast<double>(y[k]) - exact[k]) <= 0x1p-8 * std::abs(exact[k]) + 1e-4);
  }
}

TEST(mexican_hats) {
  for (const Sizes& size : kSizes) {
    const auto x = waves(size.rows * size.inputs, 1.3, 0.7);
    const auto grad = waves(size.rows * size.outputs, 1.0, 0.3);
    HatEdges edges{size.inputs, size.outputs, waves(size.outputs * size.inputs, 1, 1.1),
                   waves(size.outputs * size.inputs, 0.2, 0.4),
                   waves(size.outputs * size.inputs, 0.5, 0.2)};
    for (double& scale : edges.scale) scale += 1;
    std::vector<double> y(grad.size()), dx(x.size());
    hat_linear(edges, {}, size.rows, DType::float64, x.data(), y.data());
    HatGradients gradients;
    hat_linear_backward(edges, size.rows, DType::float64, grad.data(), x.data(), dx.data(),
                        gradients);
    std::vector<double> d_scale(edges.scale.size(), 0.0);
    for (std::int64_t n = 0; n < size.rows; ++n) {
      for (std::int64_t o = 0; o < size.outputs; ++o) {
        double sum = 0;
        for (std::int64_t i = 0; i < size.inputs; ++i) {
          const std::int64_t e = o * size.inputs + i;
          const double u = (x[n * size.inputs + i] - edges.shift[e]) / edges.scale[e];
          const double norm = 2 / (std::sqrt(3.0) * std::pow(std::acos(-1.0), 0.25));
          const double bell = norm * std::exp(-u * u / 2);
          sum += edges.weight[e] * bell * (1 - u * u);
          d_scale[e] -= grad[n * size.outputs + o] * edges.weight[e] * bell * u * (u * u - 3) * u /
                        edges.scale[e];
        }
        CHECK(std::abs(y[n * size.outputs + o] - sum) <= 1e-12 * (1 + std::abs(sum)));
      }
    }
    for (std::size_t e = 0; e < d_scale.size(); ++e) {
      CHECK(std::abs(gradients.scale[e] - d_scale[e]) <= 1e-11 * (1 + std::abs(d_scale[e])));
    }
  }
}

}  // namespace
