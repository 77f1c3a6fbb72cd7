// pattention by the row kernels, at the best level of the machine, against sums written out in
// double; odd sizes under the sanitizers. Gradients against differences of those sums.
#include "attention/pattention.h"

#include "numbers_near.h"

namespace {

using namespace numbers_near;
using attention::PattentionShape;

struct Problem {
  PattentionShape shape;
  std::vector<double> parts[3];

  explicit Problem(const PattentionShape& s) : shape(s) {
    const std::int64_t sizes[] = {s.rows * s.inputs, s.tokens * s.inputs, s.tokens * s.outputs};
    for (int i = 0; i < 3; ++i) parts[i] = numbers<double>(sizes[i], 1, 0.1 + i);
    if (s.rows > 2) std::fill_n(parts[0].begin() + s.inputs, s.inputs, 0.0);  // no direction
  }
};

std::vector<double> written_out(const Problem& p) {
  const PattentionShape& s = p.shape;
  std::vector<double> y(s.rows * s.outputs), scores(s.tokens);
  for (std::int64_t i = 0; i < s.rows; ++i) {
    double squares = 0;
    for (std::int64_t j = 0; j < s.tokens; ++j) {
      scores[j] = 0;
      for (std::int64_t d = 0; d < s.inputs; ++d) {
        scores[j] += p.parts[0][i * s.inputs + d] * p.parts[1][j * s.inputs + d];
      }
      squares += scores[j] * scores[j];
    }
    if (squares == 0) continue;
    for (std::int64_t j = 0; j < s.tokens; ++j) {
      const double u = s.tau * scores[j] / std::sqrt(squares);
      const double theta = u * std::erfc(-u / std::sqrt(2.0)) / 2;
      for (std::int64_t o = 0; o < s.outputs; ++o) {
        y[i * s.outputs + o] += theta * p.parts[2][j * s.outputs + o];
      }
    }
  }
  return y;
}

void compare(const PattentionShape& shape) {
  const Problem problem(shape);
  const attention::PattentionTypes types = {DType::float64, DType::float64};
  const std::vector<double> expected = written_out(problem);
  const auto& [x, key, value] = problem.parts;
  std::vector<double> y(expected.size());
  attention::pattention(shape, types, x.data(), key.data(), value.data(), y.data());
  CHECK(near(y, expected, 1e-13));

  const auto grad = numbers<double>(static_cast<std::int64_t>(y.size()), 1, 9);
  std::vector<double> slopes[3];
  for (int i = 0; i < 3; ++i) slopes[i].resize(problem.parts[i].size());
  attention::pattention_backward(shape, types, grad.data(), x.data(), key.data(), value.data(),
                                 slopes[0].data(), slopes[1].data(), slopes[2].data());
  for (int i = 0; i < 3; ++i) {
    const std::size_t size = problem.parts[i].size();
    for (std::size_t e = 0; e < size; e += 1 + size / 3) {
      const auto row = static_cast<std::int64_t>(e) / shape.inputs;
      if (i == 0 && shape.rows > 2 && row == 1) {
        CHECK_EQUAL(slopes[i][e], 0.0);
        continue;
      }
      const double difference = difference_along(problem, i, e, written_out, expected, grad);
      CHECK(std::abs(difference - slopes[i][e]) <= 1e-6 * (1 + std::abs(difference)));
    }
  }
}

// rows, inputs, tokens, outputs, tau
TEST(odd_sizes) {
  compare({1, 2, 3, 1, 1.7});
  compare({3, 5, 17, 9, 4.1});
  compare({97, 33, 129, 35, 11.0});
  compare({50, 300, 7, 2, 2.6});
  compare({2, 3, 600, 65, 20.0});
}
TEST(more_rows_than_are_kept) { compare({800, 2, 5, 3, 2.2}); }
TEST(no_rows) { compare({0, 2, 5, 3, 2.2}); }

}  // namespace
