// -Laplace on boxes on one level: axes, kernels, transfers and cycles beside dense matrices, and by
// how much a cycle reduces a residual, which csrc/multigrid/contract.json limits.
#include "multigrid/stencil_math.h"

// After what opens the level's namespace.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "dense_boxes.h"
#include "errors.h"
#include "multigrid/cycle.h"
#include "multigrid/grid_memory.h"
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

const std::pair<Side, Side> kSides[] = {{dirichlet, dirichlet},
                                        {dirichlet, neumann},
                                        {neumann, dirichlet},
                                        {neumann, neumann},
                                        {periodic, periodic}};

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

/// Values of a level in its layout, in memory that ends where a level's does.
template <class S>
class Values {
 public:
  explicit Values(const Level<S>& level) : shape_(level.shape), grid_(level.shape) {}
  Values(const Level<S>& level, const Numbers& from) : Values(level) {
    for (std::size_t i = 0; i < from.size(); ++i) data()[at(i)] = static_cast<S>(from[i]);
    wrap_ghosts(shape_, data());
  }
  S* data() { return grid_.data(); }
  Numbers numbers() {
    Numbers result(shape_.points());
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<double>(data()[at(i)]);
    return result;
  }
  std::int64_t at(std::int64_t i) const {
    return shape_.line(i / shape_.sizes[2]) + i % shape_.sizes[2];
  }

 private:
  GridShape shape_;
  Grid<S> grid_;
};

/// All of a level, ghosts too.
void copy(const Level<double>& level, const double* from, double* to) {
  const std::int64_t origin = origin_of<double>(level.shape);
  std::copy_n(from - origin, numbers_of<double>(level.shape), to - origin);
}

Numbers random_numbers(std::int64_t count, test::Random& random) {
  Numbers result(count);
  for (double& each : result) each = random.uniform(-1, 1);
  return result;
}

Numbers residual_of(const Matrix& a, const Numbers& u, const Numbers& f) {
  Numbers result = times(a, u);
  for (std::size_t i = 0; i < f.size(); ++i) result[i] = f[i] - result[i];
  return result;
}

/// One colour, all of its points at once.
void sweep(const Box& box, const Matrix& a, Numbers& u, const Numbers& f, int colour,
           double omega) {
  const Numbers r = residual_of(a, u, f);
  const std::int64_t rows = box.axes[1].size, points = box.axes[2].size;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    const std::int64_t indices = i / (rows * points) + i / points % rows + i % points;
    if ((indices + colour) % 2 == 0 && a.at(i, i) > 0) u[i] += omega * r[i] / a.at(i, i);
  }
}
void sweep_both(const Box& box, const Matrix& a, Numbers& u, const Numbers& f, bool reverse,
                double omega) {
  for (int half = 0; half < 2; ++half) sweep(box, a, u, f, reverse ? 1 - half : half, omega);
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
          for (int half = 0; half < 4; ++half) {
            sweep(level.box, a, expected, f, (half + (reverse ? 1 : 0)) % 2, 1.25);
          }
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
  for (int i = 0; i < options.before; ++i) sweep_both(box, a, u, f, false, omega);
  const Numbers e = cycled(*coarse, times(between.down, residual_of(a, u, f)), options);
  const Numbers rise = times(between.up, e);
  for (std::int64_t k = 0; k < a.rows; ++k) u[k] += rise[k];
  for (int i = 0; i < options.after; ++i) sweep_both(box, a, u, f, options.symmetric, omega);
  return u;
}

}  // namespace

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

namespace {

double limit(const std::string& promise, const std::string& name) {
  std::ifstream file(LONGTAIL_MULTIGRID_CONTRACT);
  std::stringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  const std::size_t at = text.find("\"" + promise + "\":");
  const std::size_t here = at == std::string::npos ? at : text.find("\"" + name + "\":", at);
  if (here == std::string::npos || here > text.find('}', at)) {
    test::fail(__FILE__, __LINE__, "no limit of " + promise + ", " + name);
    return 0;
  }
  return std::strtod(text.c_str() + here + name.size() + 3, nullptr);
}

/// By how much a cycle reduces a residual at last: r - A c takes the place of r, scaled, c being
/// one cycle from 0.
double factor(const Box& box, const CycleOptions& options) {
  constexpr int cycles = 14, counted = 4;
  const Hierarchy<double> hierarchy(box);
  const Workspace<double> workspace(hierarchy);
  const Level<double>& level = hierarchy.levels()[0];
  test::Random random(25);
  Values<double> r(level, random_numbers(box.points(), random));
  const std::int64_t n = level.view.points.size;
  double logarithms = 0, before = 1;
  for (int i = 0; i < cycles; ++i) {
    double squares = 0;
    copy(level, r.data(), workspace.f(0));
    v_cycle(hierarchy, workspace, true, options, {});
    for (std::int64_t line = 0; line < box.lines(); ++line) {
      squares += LONGTAIL_LEVEL::kGridKernels.float64.residual(
          level.view, workspace.u(0), workspace.f(0), line, r.data() + r.at(line * n));
    }
    const double norm = std::sqrt(squares);
    if (i >= cycles - counted) logarithms += std::log(norm / before);
    for (std::int64_t k = 0; k < box.points(); ++k) r.data()[r.at(k)] /= norm;
    before = 1;
  }
  return std::exp(logarithms / counted);
}

Box between_dirichlet_sides(int dims, std::int64_t n, bool cell) {
  return make_box(std::vector<Axis>(dims, Axis{n, 1, dirichlet, dirichlet, cell}));
}

}  // namespace

TEST(factors_of_cycles) {
  for (const int dims : {2, 3}) {
    for (const bool cell : {false, true}) {
      const std::string name =
          std::to_string(dims) + "-D " + (cell ? "cell" : "vertex") + ", Dirichlet";
      for (const std::int64_t n : {dims == 2 ? 63 : 15, dims == 2 ? 100 : 20}) {
        const Box box = between_dirichlet_sides(dims, n, cell);
        CHECK(factor(box, {1, 1}) <= limit("poisson_solve", name));
        CHECK(factor(box, {2, 1}) <= limit("Poisson cycle V(2,1)", name));
      }
    }
  }
}

}  // namespace longtail::multigrid
