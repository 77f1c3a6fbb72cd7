// Operators on grids beside dense matrices, on one level; and the axes of the classical hierarchy.
#include <cmath>
#include <vector>

#include "multigrid/axis.h"
#include "multigrid_problems.h"
#include "this_level.h"

namespace longtail::multigrid {
namespace {

using test::difference;
using test::matrix_of;
using test::times;
using test::transposed;

// Threads that take a range from its end, one item each.
const ParallelFor kBackwards = [](std::int64_t begin, std::int64_t end, std::int64_t,
                                  const RangeTask& task) {
  for (std::int64_t i = end - 1; i >= begin; --i) task(i, i + 1);
};

}  // namespace

TEST(levels_are_galerkin) {
  for (const Problem& problem : problems()) {
    const Matrix by_faces =
        matrix_of(problem.points(0), problem.points(0), [&](const double* u, double* to) {
          diffusion_apply(problem.shape, 1, problem.pointers, 1, u, to);
        });
    for (std::size_t i = 0; i < problem.plan.levels.size(); ++i) {
      const std::int64_t fine = problem.points(i);
      const auto a = problem.level(i);
      const auto apply = [](const auto& of) {
        return [&of](const double* u, double* to) { grid_apply(of, 1, u, to); };
      };
      const Matrix here = matrix_of(fine, fine, apply(a));
      CHECK(difference(here, transposed(here)) < 1e-14);
      if (i == 0) CHECK(difference(here, by_faces) < 1e-14);
      if (i + 1 == problem.plan.levels.size()) continue;
      const std::int64_t coarse = problem.points(i + 1);
      const Matrix up =
          matrix_of(fine, coarse, [&](const double* e, double* to) { grid_prolong(a, 1, e, to); });
      const Matrix down =
          matrix_of(coarse, fine, [&](const double* r, double* to) { grid_restrict(a, 1, r, to); });
      CHECK_EQUAL(difference(down, transposed(up)), 0.0);
      const auto next = problem.level(i + 1);
      CHECK(difference(matrix_of(coarse, coarse, apply(next)), times(down, times(here, up))) <
            1e-13);
    }
  }
}

TEST(reversed_methods_are_transposed) {
  for (const Problem& problem : problems()) {
    const std::int64_t n = problem.points(0);
    const auto a = problem.level(0);
    for (const Smoother smoother : {Smoother::colours, Smoother::jacobi, Smoother::chebyshev}) {
      const StencilMethod method{smoother, 2, 1, 0.8, false, false};
      const StencilMethod reversed{smoother, 1, 2, 0.8, true, true};
      const auto cycle = [&](const StencilMethod& of) {
        return matrix_of(n, n, [&](const double* f, double* to) {
          grid_cycle<double>(a, of, 1, nullptr, f, to);
        });
      };
      CHECK(difference(cycle(method), transposed(cycle(reversed))) < 1e-12);
      const auto sweeps = [&](bool reverse) {
        return matrix_of(n, n, [&](const double* f, double* to) {
          grid_smooth<double>(a, method, 2, reverse, 1, nullptr, f, to);
        });
      };
      CHECK(difference(sweeps(false), transposed(sweeps(true))) < 1e-12);
    }
  }
}

TEST(tasks_in_any_order_give_the_same_bits) {
  test::Random random(3);
  for (const Problem& problem : problems()) {
    const std::int64_t n = problem.points(0);
    for (const std::int64_t batch : {1, 9}) {
      Numbers u(batch * n), f(batch * n), one(batch * n), other(batch * n);
      for (double& each : u) each = random.uniform(-1, 1);
      for (double& each : f) each = random.uniform(-1, 1);
      const StencilMethod method{Smoother::chebyshev, 2, 1};
      grid_cycle(problem.level(0), method, batch, u.data(), f.data(), one.data());
      grid_cycle(problem.level(0), method, batch, u.data(), f.data(), other.data(), kBackwards);
      CHECK(one == other);
      grid_cycle(problem.level(0), StencilMethod{}, batch, u.data(), f.data(), one.data());
      grid_cycle(problem.level(0), StencilMethod{}, batch, u.data(), f.data(), other.data(),
                 kBackwards);
      CHECK(one == other);
    }
  }
}

TEST(axes_between_grids) {
  using enum Side;
  for (const auto& [left, right] : {std::pair{dirichlet, dirichlet},
                                    {dirichlet, neumann},
                                    {neumann, dirichlet},
                                    {neumann, neumann},
                                    {periodic, periodic}}) {
    for (const bool cell : {false, true}) {
      for (std::int64_t size = 4; size < 20; ++size) {
        const Axis fine{size, 0.7, left, right, cell};
        const std::optional<Axis> coarse = coarser(fine);
        CHECK(coarse.has_value());
        if (!coarse) continue;
        const Interpolation up = interpolation(fine, *coarse);
        const Restriction down = restriction(fine, *coarse, false);
        const Numbers volume = second_difference(fine).volume;
        const Numbers coarse_volume = second_difference(*coarse).volume;
        // The lengths of both are the same, and R is P^T between volumes.
        const auto total = [](const Numbers& of) {
          double sum = 0;
          for (const double each : of) sum += each;
          return sum;
        };
        if (left != dirichlet && right != dirichlet) {
          CHECK(std::abs(total(volume) - total(coarse_volume)) < 1e-12);
        }
        Matrix p{size, coarse->size, Numbers(size * coarse->size, 0.0)}, r = transposed(p);
        for (std::int64_t i = 0; i < size; ++i) {
          for (int k = 0; k < 2; ++k) p.at(i, up.points[k][i]) += up.weights[k][i];
          const double sum = up.weights[0][i] + up.weights[1][i];
          if (left != dirichlet && right != dirichlet) CHECK(std::abs(sum - 1) < 1e-12);
        }
        for (std::int64_t c = 0; c < coarse->size; ++c) {
          for (int k = 0; k < kMostFine; ++k) {
            const std::int64_t at = c * kMostFine + k;
            r.at(c, down.points[at]) += down.weights[at];
          }
        }
        Matrix expected = transposed(p);
        for (std::int64_t c = 0; c < coarse->size; ++c) {
          for (std::int64_t i = 0; i < size; ++i) {
            expected.at(c, i) *= volume[i] / coarse_volume[c];
          }
        }
        CHECK(difference(r, expected) < 1e-12);
      }
    }
  }
}

}  // namespace longtail::multigrid
