// ntk_attention by the tile kernels, at the best level of the machine, against sums written out in
// double; odd sizes under the sanitizers. Gradients against differences of those sums.
#include "attention/ntk.h"

#include "numbers_near.h"

namespace {

using namespace numbers_near;
using attention::NtkShape;

// q, k, v, z and kappa one after another.
struct Problem {
  NtkShape shape;
  std::vector<double> parts[5];

  explicit Problem(const NtkShape& s) : shape(s) {
    const std::int64_t n = s.problems(), m = s.prefixes();
    const std::int64_t sizes[] = {n * s.queries * s.channels, n * s.keys * s.channels,
                                  n * s.keys * s.values, m * s.channels * s.values, m * s.channels};
    for (int i = 0; i < 5; ++i) parts[i] = numbers<double>(sizes[i], 1.5, 0.1 + i);
  }
  attention::NtkInputs inputs() const {
    return {parts[0].data(), parts[1].data(), parts[2].data(), parts[3].data(), parts[4].data()};
  }
};

double phi(double x, double channels) {
  const double scaled = x / std::pow(channels, 0.25);
  return scaled > 0 ? scaled + 1 : std::exp(scaled);
}

std::vector<double> written_out(const Problem& p) {
  const NtkShape& s = p.shape;
  std::vector<double> out(s.problems() * s.queries * s.values);
  for (std::int64_t n = 0; n < s.problems(); ++n) {
    const double* z = p.parts[3].data() + s.prefix_of(n) * s.channels * s.values;
    const double* kappa = p.parts[4].data() + s.prefix_of(n) * s.channels;
    for (std::int64_t i = 0; i < s.queries; ++i) {
      const double* q = p.parts[0].data() + (n * s.queries + i) * s.channels;
      double* o = out.data() + (n * s.queries + i) * s.values;
      double total = 0;
      for (std::int64_t d = 0; d < s.channels; ++d) {
        const double weight = phi(q[d], static_cast<double>(s.channels));
        total += weight * std::abs(kappa[d]);
        for (std::int64_t c = 0; c < s.values; ++c) o[c] += weight * z[d * s.values + c];
      }
      for (std::int64_t j = 0; j < s.keys && (!s.causal || j <= i); ++j) {
        double score = 0;
        for (std::int64_t d = 0; d < s.channels; ++d) {
          score += q[d] * p.parts[1][(n * s.keys + j) * s.channels + d];
        }
        const double weight = std::exp(s.scale * score);
        total += weight;
        for (std::int64_t c = 0; c < s.values; ++c) {
          o[c] += weight * p.parts[2][(n * s.keys + j) * s.values + c];
        }
      }
      for (std::int64_t c = 0; c < s.values; ++c) o[c] /= total;
    }
  }
  return out;
}

void compare(const NtkShape& shape) {
  const Problem problem(shape);
  const attention::NtkTypes types = {DType::float64, DType::float64};
  const std::vector<double> expected = written_out(problem);
  std::vector<double> out(expected.size()), lse(shape.problems() * shape.queries);
  attention::ntk_attention(shape, types, problem.inputs(), out.data(), lse.data());
  CHECK(near(out, expected, 1e-13));

  const auto grad = numbers<double>(static_cast<std::int64_t>(out.size()), 1, 9);
  std::vector<double> slopes[5];
  for (int i = 0; i < 5; ++i) slopes[i].resize(problem.parts[i].size());
  attention::ntk_attention_backward(
      shape, types, grad.data(), problem.inputs(), out.data(), lse.data(),
      {slopes[0].data(), slopes[1].data(), slopes[2].data(), slopes[3].data(), slopes[4].data()});
  for (int i = 0; i < 5; ++i) {  // some of each, by central differences
    const std::size_t size = problem.parts[i].size();
    for (std::size_t e = 0; e < size; e += 1 + size / 3) {
      const double difference = difference_along(problem, i, e, written_out, expected, grad);
      CHECK(std::abs(difference - slopes[i][e]) <= 1e-7 * (1 + std::abs(difference)));
    }
  }
}

// batch, heads, queries, keys, channels, values, causal, shared prefix, scale
TEST(odd_sizes) {
  compare({1, 1, 1, 1, 1, 1, false, true, 1.0});
  compare({2, 2, 97, 129, 3, 5, true, true, 0.5});
  compare({1, 2, 63, 65, 17, 33, false, false, 0.25});
  compare({2, 1, 5, 3, 8, 1, true, false, -0.5});
  compare({1, 1, 130, 260, 33, 7, true, true, 0.2});
}
TEST(nothing) {
  compare({1, 1, 3, 0, 4, 2, true, true, 1.0});
  compare({1, 1, 0, 3, 4, 2, true, true, 1.0});
  compare({0, 2, 3, 3, 4, 2, true, true, 1.0});
}

}  // namespace
