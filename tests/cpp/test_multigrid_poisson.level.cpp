// -Laplace on boxes on one level: axes, kernels, transfers and cycles beside dense matrices.
#include "multigrid/stencil_math.h"

// After what opens the level's namespace.
#include <cmath>
#include <vector>

#include "dense_boxes.h"
#include "errors.h"
#include "grid_values.h"
#include "multigrid/cycle.h"
#include "multigrid/poisson.h"
#include "this_level.h"

namespace longtail::multigrid {
namespace {

using test::difference;
using test::Matrix;
using test::Numbers;
using test::times;
using enum Side;

/// Small boxes of all kinds of sides, rows shorter and longer than vectors.
std::vector<Box> boxes() {
  std::vector<Box> result;
  const std::vector<std::int64_t> sizes[] = {{6, 7},  {9, 10},   {3, 35},
                                             {2, 16}, {3, 4, 5}, {5, 3, 17}};
  int turn = 0;
  for (const std::vector<std::int64_t>& of : sizes) {
    for (const bool cell : {false, true}) {
      for (int along = 0; along < 5; ++along) {
        std::vector<Axis> axes;
        for (std::size_t d = 0; d < of.size(); ++d) {
          const bool last = d + 1 == of.size();
          const auto& [left, right] = kSides[last ? along : turn++ % 5];
          axes.push_back({of[d], last ? 1.0 : 0.9, left, right, cell});
        }
        result.push_back(make_box(axes));
      }
    }
  }
  return result;
}

Numbers residual_of(const Matrix& a, const Numbers& u, const Numbers& f) {
  Numbers result = times(a, u);
  for (std::size_t i = 0; i < f.size(); ++i) result[i] = f[i] - result[i];
  return result;
}

/// Red and black, and of each the points that are last along an odd number of odd rings after the
/// others.
int turn_of(const Box& box, std::int64_t i) {
  const std::int64_t rows = box.axes[1].size, points = box.axes[2].size;
  const std::int64_t at[3] = {i / (rows * points), i / points % rows, i % points};
  int seams = 0;
  for (int d = 0; d < 3; ++d) {
    const Axis& axis = box.axes[d];
    const bool odd_ring = axis.periodic() && axis.size > 1 && axis.size % 2 == 1;
    if (odd_ring && at[d] == axis.size - 1) ++seams;
  }
  return static_cast<int>((at[0] + at[1] + at[2]) % 2 * 2 + seams % 2);
}

/// Each turn at once.
void sweep(const Box& box, const Matrix& a, Numbers& u, const Numbers& f, bool reverse,
           double omega) {
  for (int turn = 0; turn < 4; ++turn) {
    const Numbers r = residual_of(a, u, f);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      const bool now = turn_of(box, i) == (reverse ? 3 - turn : turn);
      if (now && a.at(i, i) > 0) u[i] += omega * r[i] / a.at(i, i);
    }
  }
}

}  // namespace

TEST(second_differences) {
  for (const auto& [left, right] : kSides) {
    for (const bool cell : {false, true}) {
      for (std::int64_t size = left == neumann && right == neumann ? 2 : 1; size < 9; ++size) {
        const Axis axis{size, 0.5, left, right, cell};
        const Matrix expected = by_flows(axis);
        CHECK(difference(dense(second_difference(axis)), expected) < 1e-14);
      }
    }
  }
}

TEST(interpolation_is_linear) {
  // The distance from a Dirichlet side is 0 there, and where the other is Neumann a coarse vertex
  // stands at the other end: straight lines stay what they are.
  for (std::int64_t size = 4; size < 20; ++size) {
    const Axis fine{size, 1, dirichlet, neumann, false};
    const Axis coarse = *coarser(fine);
    Numbers line(size), shorter(coarse.size);
    for (std::int64_t i = 0; i < size; ++i) line[i] = static_cast<double>(i + 1);
    double place = coarse.last;  // the first interval
    for (double& each : shorter) each = place, place += coarse.spacing;
    CHECK(difference(times(dense(interpolation(fine, coarse), coarse.size), shorter), line) <
          1e-14);
  }
}

namespace {

template <class S>
void check_kernels(double bound) {
  test::Random random(21);
  for (const Box& box : boxes()) {
    const Hierarchy<S> hierarchy(box);
    for (std::size_t i = 0; i < hierarchy.levels().size(); ++i) {
      const Level<S>& level = hierarchy.levels()[i];
      const auto& kernels = []() -> const GridKernels<S>& {
        if constexpr (sizeof(S) == 8)
          return LONGTAIL_LEVEL::kGridKernels.float64;
        else
          return LONGTAIL_LEVEL::kGridKernels.float32;
      }();
      const Matrix a = operator_of(level.box);
      const Numbers u = random_numbers(a.rows, random), f = random_numbers(a.rows, random);
      Values<S> u_grid(level, u), f_grid(level, f), to(level);
      const Numbers r = residual_of(a, u, f);
      double squares = 0, expected_squares = 0;
      for (std::int64_t line = 0; line < level.box.lines(); ++line) {
        S* const row = to.data() + to.at(line * level.view.points.size);
        squares += kernels.residual(level.view, u_grid.data(), f_grid.data(), line, row);
      }
      for (const double each : r) expected_squares += each * each;
      CHECK(difference(to.numbers(), r) < bound);
      CHECK(std::abs(squares - expected_squares) <= 10 * bound * expected_squares);

      for (std::int64_t line = 0; line < level.box.lines(); ++line) {
        S* const row = to.data() + to.at(line * level.view.points.size);
        kernels.jacobi(level.view, u_grid.data(), f_grid.data(), line, S(0.75), row);
      }
      Numbers expected = u;
      for (std::int64_t k = 0; k < a.rows; ++k) {
        if (a.at(k, k) > 0) expected[k] += 0.75 * r[k] / a.at(k, k);
      }
      CHECK(difference(to.numbers(), expected) < bound);

      for (const bool reverse : {false, true}) {
        for (const bool zero : {false, true}) {
          Values<S> got(level, u);
          smooth(level, got.data(), f_grid.data(), 2, S(1.25), reverse, zero, {});
          expected = zero ? Numbers(a.rows, 0.0) : u;
          for (int i = 0; i < 2; ++i) sweep(level.box, a, expected, f, reverse, 1.25);
          CHECK(difference(got.numbers(), expected) < 10 * bound);
        }
      }

      if (i + 1 == hierarchy.levels().size()) {
        // The inverse: of what A can make where constants are in the null space.
        const Matrix inverse{a.rows, a.rows, inverse_of(level.box)};
        CHECK(difference(times(a, times(inverse, a)), a) < 1e-11);
        continue;
      }
      const Level<S>& coarse = hierarchy.levels()[i + 1];
      const Between between = transfers_of(level.box, coarse.box);
      Values<S> down(coarse);
      restrict_residual(level, coarse, u_grid.data(), f_grid.data(), down.data(), {});
      CHECK(difference(down.numbers(), times(between.down, r)) < bound);
      const Numbers e = random_numbers(coarse.box.points(), random);
      Values<S> e_grid(coarse, e);
      prolong_and_add(level, coarse, e_grid.data(), u_grid.data(), {});
      expected = times(between.up, e);
      for (std::int64_t k = 0; k < a.rows; ++k) expected[k] += u[k];
      CHECK(difference(u_grid.numbers(), expected) < bound);
    }
  }
}

/// A V-cycle by dense matrices.
Numbers cycled(const Box& box, const Numbers& f, const CycleOptions& options) {
  const Matrix a = operator_of(box);
  const std::optional<Box> coarse = coarser(box);
  if (!coarse) return times(Matrix{a.rows, a.rows, inverse_of(box)}, f);
  const Between between = transfers_of(box, *coarse);
  const double omega = options.omega == 0 ? over_relaxation(box, *coarse) : options.omega;
  Numbers u(a.rows, 0.0);
  for (int i = 0; i < options.before; ++i) sweep(box, a, u, f, false, omega);
  const Numbers e = cycled(*coarse, times(between.down, residual_of(a, u, f)), options);
  const Numbers rise = times(between.up, e);
  for (std::int64_t k = 0; k < a.rows; ++k) u[k] += rise[k];
  for (int i = 0; i < options.after; ++i) sweep(box, a, u, f, options.symmetric, omega);
  return u;
}

}  // namespace

/// So a turn is Gauss-Seidel's, whatever the order of its points.
TEST(points_of_a_turn_are_no_neighbours) {
  for (const Box& box : boxes()) {
    const Matrix a = operator_of(box);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      for (std::int64_t j = 0; j < a.rows; ++j) {
        if (i != j && a.at(i, j) != 0) CHECK(turn_of(box, i) != turn_of(box, j));
      }
    }
  }
}

TEST(kernels_in_float64) { check_kernels<double>(1e-13); }
TEST(kernels_in_float32) { check_kernels<float>(2e-5); }

TEST(mixed_precision) {
  test::Random random(22);
  for (const Box& box : boxes()) {
    const Hierarchy<double> hierarchy(box);
    const Level<double>& level = hierarchy.levels()[0];
    const Matrix a = operator_of(box);
    const Numbers u = random_numbers(a.rows, random), f = random_numbers(a.rows, random);
    Values<double> u_grid(level, u), f_grid(level, f);
    const Numbers r = residual_of(a, u, f);
    const std::int64_t n = level.view.points.size;
    const auto& kernels = LONGTAIL_LEVEL::kGridKernels;
    for (std::int64_t line = 0; line < box.lines(); ++line) {
      std::vector<float> row(level.view.row_stride);
      kernels.residual_to_float32(level.view, u_grid.data(), f_grid.data(), line, row.data());
      double* const to = u_grid.data() + u_grid.at(line * n);
      for (std::int64_t x = 0; x < n; ++x) {
        CHECK(std::abs(static_cast<double>(row[x]) - r[line * n + x]) <= 1e-6);
      }
      const Numbers before(to, to + n);
      for (const bool zero : {false, true}) {
        kernels.add_float32(n, row.data(), zero, to);
        for (std::int64_t x = 0; x < n; ++x) {
          CHECK_EQUAL(to[x], (zero ? 0 : before[x]) + static_cast<double>(row[x]));
          to[x] = before[x];
        }
      }
    }
  }
}

TEST(cycles_beside_dense_matrices) {
  test::Random random(23);
  for (const Box& box : boxes()) {
    const Hierarchy<double> hierarchy(box);
    const Workspace<double> workspace(hierarchy);
    const Level<double>& level = hierarchy.levels()[0];
    // Of singular boxes what A can make.
    const Numbers f = times(operator_of(box), random_numbers(box.points(), random));
    for (const CycleOptions& options : {CycleOptions{1, 1, 1, false}, CycleOptions{2, 1, 1, true},
                                        CycleOptions{1, 1}, CycleOptions{0, 2}}) {
      Values<double> f_grid(level, f);
      copy(level, f_grid.data(), workspace.f(0));
      v_cycle(hierarchy, workspace, true, options, {});
      Values<double> got(level);
      copy(level, workspace.u(0), got.data());
      CHECK(difference(got.numbers(), cycled(box, f, options)) < 1e-10);
    }
  }
}

TEST(solves) {
  test::Random random(24);
  for (const Box& box : boxes()) {
    const Numbers f = times(operator_of(box), random_numbers(box.points(), random));
    Numbers u(box.points(), NAN);
    std::int64_t cycles = 0;
    double residual = NAN, returned = NAN;
    poisson_solve(box, 1, DType::float64, f.data(), nullptr, u.data(), {1e-12, 60, {}},
                  {&cycles, &residual, &returned});
    CHECK(difference(times(operator_of(box), u), f) < 1e-11);
    CHECK(residual <= 1e-12 && returned == residual);
  }
}

}  // namespace longtail::multigrid
