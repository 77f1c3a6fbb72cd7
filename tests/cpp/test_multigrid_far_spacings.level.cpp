// -div(a grad u) on boxes whose spacings are far apart: rings that become one point, slow modes,
// and constants that no side holds.
#include <cmath>
#include <vector>

#include "multigrid/diffusion.h"
#include "multigrid_problems.h"
#include "this_level.h"

namespace longtail::multigrid {
namespace {

using test::difference;
using test::matrix_of;
using test::times;

Matrix operator_at(const Problem& problem, std::size_t level) {
  const auto a = problem.level(level);
  const std::int64_t n = problem.points(level);
  return matrix_of(n, n, [&](const double* u, double* to) { grid_apply(a, 1, u, to); });
}

}  // namespace

TEST(rings_end_in_one_point) {
  test::Random random(41);
  for (const std::int64_t size : {2, 3, 4, 5, 6, 7, 9, 12}) {
    // The axis of points has 4 times the spacing: the other, a ring, becomes coarser alone.
    for (const bool flat : {true, false}) {
      const Problem problem(flat, {flat ? 1 : size, flat ? size : 3, 41}, flat ? 6 : 7, 16, random);
      const int ring = flat ? 1 : 0;
      bool closed = false;
      for (std::size_t i = 0; i + 1 < problem.plan.levels.size() && !closed; ++i) {
        const auto a = problem.level(i);
        const Matrix up =
            matrix_of(problem.points(i), problem.points(i + 1),
                      [&](const double* e, double* to) { grid_prolong(a, 1, e, to); });
        const Matrix fine = operator_at(problem, i), coarse = operator_at(problem, i + 1);
        CHECK(difference(coarse, times(test::transposed(up), times(fine, up))) < 1e-13);
        const LevelPlan& to = problem.plan.levels[i + 1];
        closed = to.shape.sizes[ring] == 1;
        for (const int offset : offsets_before(to.reach)) {
          const Offset o = offset_of(offset);
          if (!closed || (ring == 0 ? o.plane : o.row) == 0) continue;
          for (std::int64_t line = 0; line < to.shape.lines(); ++line) {
            const double* const row = problem.memory.data() + to.weights[offset];
            for (std::int64_t x = 0; x < 41; ++x) CHECK(row[to.shape.line(line) + x] == 0);
          }
        }
      }
      CHECK(closed);
    }
  }
}

namespace {

enum class Sides { held, open, ring };

/// Two phases in layers, which cross both axes.
struct Layers {
  DiffusionShape shape;
  Numbers faces[3], f;
  const double* pointers[3];

  Layers(std::int64_t rows, std::int64_t points, Sides of_rows, Sides of_points, double ratio,
         double contrast)
      : shape{true,
              {1, rows, points},
              {false, of_rows == Sides::ring, of_points == Sides::ring},
              {1, 1, ratio}} {
    const auto a = [&](std::int64_t y, std::int64_t x) {
      return (y % rows * 2 < rows) != (x % points * 3 < points) ? contrast : 1.0;
    };
    const auto face = [&](double before, double behind, bool end, Sides sides, double of) {
      if (end && sides == Sides::open) return 0.0;
      return 2 * before * behind / (before + behind) / (of * of);
    };
    for (std::int64_t y = 0; y <= rows; ++y) {
      for (std::int64_t x = 0; x < points; ++x) {
        const bool end = y == 0 || y == rows;
        faces[1].push_back(face(a(y + rows - 1, x), a(y, x), end, of_rows, 1));
      }
    }
    for (std::int64_t y = 0; y < rows; ++y) {
      for (std::int64_t x = 0; x <= points; ++x) {
        const bool end = x == 0 || x == points;
        faces[2].push_back(face(a(y, x + points - 1), a(y, x), end, of_points, ratio));
      }
    }
    for (int axis = 0; axis < 3; ++axis) pointers[axis] = faces[axis].data();
    test::Random random(43);
    double mean = 0;
    for (std::int64_t i = 0; i < rows * points; ++i) {
      f.push_back(random.uniform(-1, 1));
      mean += f.back() / static_cast<double>(rows * points);
    }
    if (!is_singular(shape, pointers)) return;
    for (double& each : f) each -= mean;
  }
};

/// Iterations to 1e-7, with cycles in C; a thousand where that is not reached.
template <class C>
std::int64_t iterations_of(const Layers& of) {
  Numbers u(of.f.size(), NAN);
  std::int64_t iterations = 0;
  double residual = NAN;
  DiffusionProblems<C> one{1, 1, {}, nullptr, of.f.data(), nullptr, u.data()};
  std::copy_n(of.pointers, 3, one.faces);
  diffusion_solve(of.shape, one, {1e-7, 50, {}}, {&iterations, &residual, nullptr});
  return residual <= 1e-7 ? iterations : 1000;
}

}  // namespace

TEST(solves_with_far_spacings) {
  for (const Sides rows : {Sides::held, Sides::open, Sides::ring}) {
    for (const Sides points : {Sides::held, Sides::open, Sides::ring}) {
      for (const std::int64_t size : {24, 25}) {
        for (const double contrast : {1.0, 100.0}) {
          const auto layers = [&](double ratio) {
            return Layers(size, 31, rows, points, ratio, contrast);
          };
          CHECK(iterations_of<float>(layers(30)) <= 20);
          CHECK(iterations_of<double>(layers(30)) <= 20);
          CHECK(iterations_of<double>(layers(1000)) <= 20);
          CHECK(iterations_of<double>(layers(3500)) <= 20);
        }
      }
    }
  }
}

TEST(float32_rounds_slow_modes_away) {
  // What cycles in float64 are for.
  const Layers layers(6, 5, Sides::ring, Sides::held, 2260, 400);
  CHECK(iterations_of<double>(layers) <= 5);
  CHECK(iterations_of<float>(layers) > 30);
}

}  // namespace longtail::multigrid
