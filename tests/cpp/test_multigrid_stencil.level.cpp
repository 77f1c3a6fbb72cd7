// The pieces of black-box multigrid on one level beside their definitions: shares, smoothers, the
// cycle put together from its pieces, conjugate gradients, and float32.
#include <cmath>
#include <vector>

#include "multigrid/dense.h"
#include "multigrid_problems.h"
#include "this_level.h"

namespace longtail::multigrid {
namespace {

using test::difference;
using test::matrix_of;
using test::times;
using test::zeros;

struct Place {
  std::int64_t of[3];
};

Place place_in(const GridShape& shape, std::int64_t i) {
  const std::int64_t* const n = shape.sizes;
  return {{i / (n[1] * n[2]), i / n[2] % n[1], i % n[2]}};
}

Matrix operator_at(const Problem& problem, std::size_t level) {
  const auto a = problem.level(level);
  const std::int64_t n = problem.points(level);
  return matrix_of(n, n, [&](const double* u, double* to) { grid_apply(a, 1, u, to); });
}

Numbers random_numbers(std::int64_t count, test::Random& random) {
  Numbers result(count);
  for (double& each : result) each = random.uniform(-1, 1);
  return result;
}

/// Interpolation from the second level to the first. A point between coarse ones along some axes
/// takes the mean of its neighbours along those, weighted by the faces to them; a point between
/// none is a coarse point. Faces to sides count as far as they are along those axes: of all that
/// flows out through sides, the part that the ends of those axes are of all ends.
class Interpolated {
 public:
  explicit Interpolated(const Problem& problem)
      : problem_(problem), level_(problem.plan.levels[0]), coarse_(problem.plan.levels[1].shape) {}

  Numbers at(const Place& at) const {
    Numbers row(coarse_.points(), 0.0);
    double inside = 0, outside = 0;
    int between = 0, ends = 0, ends_between = 0;
    std::int64_t coarse[3];
    for (int axis = level_.shape.flat ? 1 : 0; axis < 3; ++axis) {
      const CoarseAxis& map = level_.axes[axis];
      const std::int64_t n = level_.shape.sizes[axis];
      // The first point of an odd ring is the last coarse one.
      const bool turned =
          map.halved && level_.shape.periodic[axis] && n % 2 == 1 && at.of[axis] == 0;
      const std::int64_t from = (turned ? n : at.of[axis]) - map.first;
      const bool along = map.halved && from % 2 != 0;
      between += along ? 1 : 0;
      if (!level_.shape.periodic[axis] && (at.of[axis] == 0 || at.of[axis] == n - 1)) {
        ++ends;
        ends_between += along ? 1 : 0;
      }
      for (const int side : {0, 1}) {
        const double weight = face(axis, at, side);
        Place next = at;
        next.of[axis] += side == 0 ? -1 : 1;
        if (level_.shape.periodic[axis]) next.of[axis] = (next.of[axis] + n) % n;
        if (next.of[axis] < 0 || next.of[axis] >= n) {
          outside += weight;
        } else if (along) {
          inside += weight;
          const Numbers of = this->at(next);
          for (std::size_t c = 0; c < row.size(); ++c) row[c] += weight * of[c];
        }
      }
      coarse[axis] = map.halved ? from / 2 : at.of[axis];
    }
    if (level_.shape.flat) coarse[0] = 0;
    if (between == 0) {
      row.assign(row.size(), 0.0);
      row[(coarse[0] * coarse_.sizes[1] + coarse[1]) * coarse_.sizes[2] + coarse[2]] = 1;
      return row;
    }
    const double total = inside + (ends == 0 ? 0 : outside * ends_between / ends);
    for (double& each : row) each /= total;
    return row;
  }

 private:
  double face(int axis, const Place& at, int side) const {
    std::int64_t sizes[3];
    std::copy_n(level_.shape.sizes, 3, sizes);
    std::int64_t place[3] = {at.of[0], at.of[1], at.of[2]};
    place[axis] += side;
    if (level_.shape.periodic[axis]) place[axis] %= sizes[axis];
    ++sizes[axis];
    return problem_.faces[axis][(place[0] * sizes[1] + place[1]) * sizes[2] + place[2]];
  }

  const Problem& problem_;
  const LevelPlan& level_;
  const GridShape& coarse_;
};

}  // namespace

TEST(shares_follow_the_coefficient) {
  int compared = 0;
  for (const Problem& problem : problems()) {
    if (problem.plan.levels.size() < 2) continue;
    const LevelPlan& level = problem.plan.levels[0];
    const auto a = problem.level(0);
    const Matrix up = matrix_of(problem.points(0), problem.points(1),
                                [&](const double* e, double* to) { grid_prolong(a, 1, e, to); });
    Matrix expected = up;
    const Interpolated by_faces(problem);
    for (std::int64_t i = 0; i < up.rows; ++i) {
      const Numbers row = by_faces.at(place_in(level.shape, i));
      std::copy(row.begin(), row.end(), expected.entries.begin() + i * up.columns);
    }
    CHECK(difference(up, expected) < 1e-14);
    ++compared;
  }
  CHECK(compared >= 8);
}

namespace {

/// All points of a colour at once, as a colour has no neighbours but across a seam.
Numbers swept(const Matrix& a, const GridShape& shape, bool cross, const Numbers& u,
              const Numbers& f, int colour, double omega) {
  const Numbers product = times(a, u);
  Numbers result = u;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    const Place at = place_in(shape, i);
    const std::int64_t own = cross ? (at.of[0] + at.of[1] + at.of[2]) % 2
                                   : at.of[0] % 2 * 4 + at.of[1] % 2 * 2 + at.of[2] % 2;
    if (own == colour) result[i] += omega * (f[i] - product[i]) / a.at(i, i);
  }
  return result;
}

/// Errors become T_k((middle - D^-1 A) / radius) / T_k(middle / radius) times as large.
Numbers by_polynomial(const Matrix& a, const Numbers& u, const Numbers& exact, int degree,
                      double bound) {
  const double middle = bound * 5 / 8, radius = bound * 3 / 8;
  const auto shifted = [&](const Numbers& e) {
    Numbers result = times(a, e);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      result[i] = (middle * e[i] - result[i] / a.at(i, i)) / radius;
    }
    return result;
  };
  Numbers before(a.rows), error(a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) before[i] = exact[i] - u[i];
  error = shifted(before);
  double t_before = 1, t = middle / radius;
  for (int k = 1; k < degree; ++k) {
    Numbers next = shifted(error);
    for (std::int64_t i = 0; i < a.rows; ++i) next[i] = 2 * next[i] - before[i];
    const double t_next = 2 * middle / radius * t - t_before;
    before = error, error = next, t_before = t, t = t_next;
  }
  Numbers result(a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) result[i] = exact[i] - error[i] / t;
  return result;
}

}  // namespace

TEST(smoothers_on_every_level) {
  test::Random random(11);
  for (const Problem& problem : problems()) {
    for (std::size_t i = 0; i < problem.plan.levels.size(); ++i) {
      const LevelPlan& level = problem.plan.levels[i];
      const Matrix a = operator_at(problem, i);
      const Numbers u = random_numbers(a.rows, random), exact = random_numbers(a.rows, random);
      const Numbers f = times(a, exact), nothing(a.rows, 0.0);
      Numbers got(a.rows);
      const auto run = [&](const StencilMethod& method, int steps, bool reverse,
                           const Numbers* start) {
        grid_smooth<double>(problem.level(i), method, steps, reverse, 1,
                            start ? start->data() : nullptr, f.data(), got.data());
      };
      const bool cross = i == 0;
      const int colours = cross ? 2 : level.shape.flat ? 4 : 8;
      for (const bool reverse : {false, true}) {
        for (const double omega : {1.0, 1.15}) {
          for (const Numbers* start : {&u, static_cast<const Numbers*>(nullptr)}) {
            Numbers expected = start ? *start : nothing;
            for (int half = 0; half < 2 * colours; ++half) {
              const int colour = half % colours;
              expected = swept(a, level.shape, cross, expected, f,
                               reverse ? colours - 1 - colour : colour, omega);
            }
            run({Smoother::colours, 1, 1, omega}, 2, reverse, start);
            CHECK(difference(got, expected) < 1e-12);
          }
        }
      }
      Numbers expected = u;
      for (int step = 0; step < 2; ++step) {
        const Numbers product = times(a, expected);
        for (std::int64_t k = 0; k < a.rows; ++k) {
          expected[k] += 0.8 * (f[k] - product[k]) / a.at(k, k);
        }
      }
      run({Smoother::jacobi, 1, 1, 0.8}, 2, false, &u);
      CHECK(difference(got, expected) < 1e-12);
      // Gershgorin's bound on the eigenvalues of A over its diagonal; of a cross it is 2 or less.
      double bound = cross ? 2 : 0;
      for (std::int64_t k = 0; k < a.rows; ++k) {
        double sum = 0;
        for (std::int64_t j = 0; j < a.rows; ++j) sum += std::abs(a.at(k, j)) / a.at(k, k);
        bound = std::max(bound, sum);
      }
      CHECK(std::abs(problem.memory[level.bound] / bound - 1) < 1e-12);
      for (const int degree : {1, 2, 5}) {
        run({Smoother::chebyshev}, degree, false, &u);
        CHECK(difference(got, by_polynomial(a, u, exact, degree, bound)) < 1e-11);
      }
    }
  }
}

TEST(cycles_are_their_pieces) {
  test::Random random(12);
  for (const Problem& problem : problems()) {
    for (std::size_t i = 0; i + 1 < problem.plan.levels.size(); ++i) {
      const auto a = problem.level(i), next = problem.level(i + 1);
      const std::int64_t n = problem.points(i), m = problem.points(i + 1);
      const Numbers u = random_numbers(n, random), f = random_numbers(n, random);
      for (const Smoother smoother : {Smoother::colours, Smoother::jacobi, Smoother::chebyshev}) {
        const StencilMethod method{smoother, 2, 1, 0.9, false, true};
        Numbers got(n), expected(n), residual(n), coarse(m), e(m), rise(n);
        grid_cycle(a, method, 1, u.data(), f.data(), got.data());
        grid_smooth<double>(a, method, 2, false, 1, u.data(), f.data(), expected.data());
        grid_apply(a, 1, expected.data(), residual.data());
        for (std::int64_t k = 0; k < n; ++k) residual[k] = f[k] - residual[k];
        grid_restrict(a, 1, residual.data(), coarse.data());
        grid_cycle<double>(next, method, 1, nullptr, coarse.data(), e.data());
        grid_prolong(a, 1, e.data(), rise.data());
        for (std::int64_t k = 0; k < n; ++k) expected[k] += rise[k];
        grid_smooth<double>(a, method, 1, true, 1, expected.data(), f.data(), expected.data());
        CHECK(difference(got, expected) < 1e-12);
      }
    }
  }
}

TEST(float32_is_near) {
  test::Random random(13);
  for (const Problem& problem : problems()) {
    const StencilPlan plan = plan_levels<float>(problem.shape);
    std::vector<float> memory(plan.numbers);
    diffusion_hierarchy(problem.shape, 1, problem.pointers, memory.data());
    for (std::size_t i = 0; i < plan.levels.size(); ++i) {
      const GridOperators<float> narrow{plan, memory.data(), 1, i};
      const std::int64_t n = problem.points(i);
      const Numbers u = random_numbers(n, random), f = random_numbers(n, random);
      const std::vector<float> u_narrow(u.begin(), u.end()), f_narrow(f.begin(), f.end());
      Numbers expected(n);
      std::vector<float> got(n);
      const auto near = [&] {
        return difference(Numbers(got.begin(), got.end()), expected) < 1e-5;
      };
      for (const Smoother smoother : {Smoother::colours, Smoother::jacobi, Smoother::chebyshev}) {
        const StencilMethod method{smoother, 1, 2, 0.9};
        grid_smooth(problem.level(i), method, 2, false, 1, u.data(), f.data(), expected.data());
        grid_smooth(narrow, method, 2, false, 1, u_narrow.data(), f_narrow.data(), got.data());
        CHECK(near());
      }
      grid_apply(problem.level(i), 1, u.data(), expected.data());
      grid_apply(narrow, 1, u_narrow.data(), got.data());
      CHECK(near());
    }
  }
}

TEST(conjugate_gradients_solve) {
  test::Random random(14);
  for (const Problem& problem : problems()) {
    const std::int64_t n = problem.points(0);
    const Matrix a = operator_at(problem, 0);
    Numbers exact = random_numbers(n, random);
    const bool singular = is_singular(problem.shape, problem.pointers);
    double mean = 0;
    for (const double each : exact) mean += each / static_cast<double>(n);
    for (double& each : exact) each -= singular ? mean : 0;
    const Numbers f = times(a, exact);
    Numbers u(n, NAN);
    std::int64_t iterations = 0;
    double residual = NAN;
    DiffusionProblems<float> one{1, 1, {}, nullptr, f.data(), nullptr, u.data()};
    std::copy_n(problem.pointers, 3, one.faces);
    diffusion_solve(problem.shape, one, {1e-12, 50, {}}, {&iterations, &residual, nullptr});
    CHECK(difference(u, exact) < 1e-10);
    CHECK(residual <= 1e-12);
    CHECK(iterations <= 16);
    // A good start is kept, to the bit.
    Numbers again(n, NAN);
    DiffusionProblems<float> started = one;
    started.initial = u.data();
    started.u = again.data();
    diffusion_solve(problem.shape, started, {1e-11, 50, {}}, {&iterations, &residual, nullptr});
    CHECK_EQUAL(iterations, 0);
    CHECK(difference(again, u) < 1e-15);
  }
}

TEST(inverses_of_small_matrices) {
  test::Random random(15);
  for (const std::int64_t n : {1, 2, 3, 17, 32}) {
    Matrix root = zeros(n, n);
    for (double& each : root.entries) each = random.uniform(-1, 1);
    Matrix a = times(root, test::transposed(root));
    for (std::int64_t i = 0; i < n; ++i) a.at(i, i) += 1;
    const Matrix inverse{n, n, inverse_of_positive(a.entries, n)};
    CHECK(difference(times(a, inverse), test::identity(n)) < 1e-12);
  }
}

}  // namespace longtail::multigrid
