// By how much a cycle of -Laplace reduces a residual, which csrc/multigrid/contract.json limits.
#include "multigrid/stencil_math.h"

// After what opens the level's namespace.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "dense_boxes.h"
#include "errors.h"
#include "grid_values.h"
#include "this_level.h"

namespace longtail::multigrid {
namespace {

using enum Side;

}  // namespace

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

/// What A makes on a box of equal volumes, where constants are in its null space.
void remove_mean(Values<double>& r) {
  const test::Numbers numbers = r.numbers();
  const double mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / numbers.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) r.data()[r.at(i)] -= mean;
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
    if (box.singular()) remove_mean(r);
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

Box cube(int dims, std::int64_t n, Side side, bool cell) {
  return make_box(std::vector<Axis>(dims, Axis{n, 1, side, side, cell}));
}

}  // namespace

TEST(factors_of_cycles) {
  for (const int dims : {2, 3}) {
    for (const bool cell : {false, true}) {
      const std::string name =
          std::to_string(dims) + "-D " + (cell ? "cell" : "vertex") + ", Dirichlet";
      for (const std::int64_t n : {dims == 2 ? 63 : 15, dims == 2 ? 100 : 20}) {
        const Box box = cube(dims, n, dirichlet, cell);
        CHECK(factor(box, {1, 1}) <= limit("poisson_solve", name));
        CHECK(factor(box, {2, 1}) <= limit("Poisson cycle V(2,1)", name));
      }
    }
  }
}

TEST(factors_of_odd_rings) {
  for (const bool cell : {false, true}) {
    for (const std::int64_t n : {35, 57, 63, 100}) {
      CHECK(factor(cube(2, n, periodic, cell), {1, 1}) <=
            limit("poisson_solve", cell ? "2-D cell, periodic" : "2-D vertex, periodic"));
    }
  }
}

}  // namespace longtail::multigrid
