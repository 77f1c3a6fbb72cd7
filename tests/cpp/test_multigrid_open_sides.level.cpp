// -Laplace on boxes with open or periodic sides, where constants are no matter and spacings may be
// far apart: axes that become one point, inverses of singular boxes, solves.
#include "multigrid/stencil_math.h"

// After what opens the level's namespace.
#include <cmath>
#include <optional>
#include <vector>

#include "dense_boxes.h"
#include "errors.h"
#include "grid_values.h"
#include "multigrid/poisson.h"
#include "multigrid/rounding.h"
#include "this_level.h"

namespace longtail::multigrid {
namespace {

using test::difference;
using test::Matrix;
using test::Numbers;
using test::times;
using enum Side;

}  // namespace

TEST(open_axes_end_in_one_point) {
  // Whatever becomes of intervals, together they are as long as before.
  for (const Side side : {neumann, periodic}) {
    for (const bool cell : {false, true}) {
      for (std::int64_t size = 2; size < 70; ++size) {
        std::optional<Axis> axis = Axis{size, 0.5, side, side, cell};
        const auto length = [&] {
          double sum = 0;
          for (const double each : second_difference(*axis).volume) sum += each;
          return sum;
        };
        const double whole = length();
        std::int64_t last = size;
        for (std::optional<Axis> next = axis; next; next = coarser(*axis)) {
          axis = next;
          last = axis->size;
          CHECK(std::abs(length() - whole) < 1e-12 * whole);
        }
        CHECK_EQUAL(last, 1);
      }
    }
  }
}

TEST(transfers_of_open_axes_keep_constants) {
  for (const Side side : {neumann, periodic}) {
    for (const bool cell : {false, true}) {
      for (std::int64_t size = 2; size < 70; ++size) {
        Axis fine{size, 0.5, side, side, cell};
        for (std::optional<Axis> coarse = coarser(fine); coarse; coarse = coarser(fine)) {
          const Numbers ones(coarse->size, 1.0);
          const Numbers up = times(dense(interpolation(fine, *coarse), coarse->size), ones);
          CHECK(difference(up, Numbers(fine.size, 1.0)) < 1e-13);
          for (const bool joined : {false, true}) {
            // What is restricted has the same sum by volume.
            const Restriction down = restriction(fine, *coarse, joined);
            const Numbers from = second_difference(fine).volume;
            const Numbers to = second_difference(*coarse).volume;
            Numbers sums(fine.size, 0.0);
            for (std::int64_t i = 0; i < coarse->size * kMostFine; ++i) {
              sums[down.points[i]] += down.weights[i] * to[i / kMostFine];
            }
            CHECK(difference(sums, from) < 1e-13);
          }
          fine = *coarse;
        }
      }
    }
  }
}

TEST(inverses_of_singular_boxes) {
  // Whatever the volumes are; of f without its mean, and u has none.
  for (const std::pair<Side, Side>& sides : {kSides[3], kSides[4]}) {
    for (const bool cell : {false, true}) {
      for (const double spacing : {1e-3, 1.0, 1e3}) {
        for (const double ratio : {1.0, 100.0, 1e4}) {
          const Axis axis{3, spacing, sides.first, sides.second, cell};
          Axis far = axis, farther = axis;
          far.spacing = far.last = spacing * std::sqrt(ratio);
          farther.spacing = farther.last = spacing * ratio;
          const Box box = make_box({farther, axis, far});
          const Matrix a = operator_of(box), inverse{a.rows, a.rows, inverse_of(box)};
          const Matrix again = times(a, times(inverse, a));
          CHECK(difference(again, a) < 1e-13 + 1e-15 * ratio * ratio);
          const Numbers none = times(inverse, Numbers(a.rows, 1.0));
          for (const double each : none) {
            CHECK(std::abs(each) < 1e-14 * std::pow(spacing * ratio, 2));
          }
        }
      }
    }
  }
}

TEST(eigenvalues_that_are_slow) {
  const double pi = std::acos(-1.0);
  const auto box = [](Side left, Side right, Side of_other) {
    return make_box({Axis{50, 1000, left, right, true}, Axis{64, 1, of_other, of_other, true}});
  };
  const auto near = [](double got, double expected) {
    return std::abs(got - expected) < 0.01 * expected;
  };
  const double half = std::pow(pi / 50000, 2);
  CHECK(near(slowest(box(neumann, neumann, neumann)), half));
  CHECK(near(slowest(box(periodic, periodic, neumann)), 4 * half));
  CHECK(near(slowest(box(dirichlet, neumann, periodic)), half / 4));
  CHECK(near(slowest(box(dirichlet, dirichlet, dirichlet)), std::pow(pi / 64, 2)));
  CHECK(needs_float64(box(dirichlet, neumann, periodic)));
  CHECK(!needs_float64(box(dirichlet, neumann, dirichlet)));
  // No box of like spacings does, however many points it has.
  for (const std::int64_t n : {16, 1024, 1 << 17}) {
    CHECK(!needs_float64(make_box(std::vector<Axis>(2, Axis{n, 1, neumann, neumann, false}))));
  }
}

namespace {

/// Of a singular box what A can make.
Numbers without_mean(const Box& box, Numbers f) {
  if (!box.singular()) return f;
  Matrix volumes{1, 1, {1.0}};
  for (int d = box.flat ? 1 : 0; d < 3; ++d) {
    Numbers along = second_difference(box.axes[d]).volume;
    const auto n = static_cast<std::int64_t>(along.size());
    volumes = kron(volumes, Matrix{1, n, std::move(along)});
  }
  double sum = 0, whole = 0;
  for (std::size_t i = 0; i < f.size(); ++i) {
    sum += volumes.entries[i] * f[i];
    whole += volumes.entries[i];
  }
  for (double& each : f) each -= sum / whole;
  return f;
}

}  // namespace

TEST(solves_with_unlike_spacings) {
  test::Random random(26);
  for (const bool cell : {false, true}) {
    for (const auto& [left, right] : kSides) {
      for (const double far : {100.0, 1000.0}) {
        const Axis fine{9, 1, left, right, cell}, coarse{8, far, neumann, neumann, cell};
        const Axis middle{7, 10, periodic, periodic, cell};
        for (const Box& box : {make_box({fine, coarse}), make_box({coarse, middle, fine})}) {
          const Numbers f = without_mean(box, random_numbers(box.points(), random));
          Numbers u(box.points(), NAN);
          std::int64_t cycles = 0;
          double residual = NAN, returned = NAN;
          poisson_solve(box, 1, DType::float64, f.data(), nullptr, u.data(), {1e-8, 20, {}},
                        {&cycles, &residual, &returned});
          CHECK(residual <= 1e-8);
          CHECK(difference(times(operator_of(box), u), f) < 1e-7);
        }
      }
    }
  }
}

}  // namespace longtail::multigrid
