// Operators of random coefficients on small grids of every kind, all memory exactly as long as it
// must be, so that the address sanitizer sees a step too far.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "dense_matrix.h"
#include "errors.h"
#include "multigrid/grid_ops.h"

namespace longtail::multigrid {

using test::Matrix;
using test::Numbers;

struct Problem {
  DiffusionShape shape;
  Numbers faces[3];
  const double* pointers[3];
  StencilPlan plan;
  Numbers memory;

  Problem(bool flat, std::initializer_list<std::int64_t> sizes, int periodic, double stretch,
          test::Random& random)
      : shape{flat, {}, {}, {1, 1, stretch}} {
    std::copy(sizes.begin(), sizes.end(), shape.sizes);
    for (int axis = 0; axis < 3; ++axis) shape.periodic[axis] = (periodic >> axis & 1) != 0;
    const std::int64_t points = shape.sizes[0] * shape.sizes[1] * shape.sizes[2];
    for (int axis = flat ? 1 : 0; axis < 3; ++axis) {
      const std::int64_t n = shape.sizes[axis];
      const double unit = axis == 2 ? 1 / (stretch * stretch) : 1;
      for (std::int64_t i = 0; i < points / n * (n + 1); ++i) {
        faces[axis].push_back(unit * random.uniform(0.5, 2));
      }
    }
    for (int axis = 0; axis < 3; ++axis) pointers[axis] = faces[axis].data();
    plan = plan_levels<double>(shape);
    memory.resize(plan.numbers);
    diffusion_hierarchy(shape, 1, pointers, memory.data());
  }

  GridOperators<double> level(std::size_t i) const { return {plan, memory.data(), 1, i}; }
  std::int64_t points(std::size_t i) const { return plan.levels[i].shape.points(); }
};

inline std::vector<Problem> problems() {
  test::Random random(7);
  std::vector<Problem> result;
  result.reserve(16);
  for (const int periodic : {0, 2, 4, 6}) {
    result.emplace_back(true, std::initializer_list<std::int64_t>{1, 9, 10}, periodic, 1, random);
    result.emplace_back(true, std::initializer_list<std::int64_t>{1, 10, 9}, periodic, 3, random);
  }
  for (const int periodic : {0, 7, 1}) {
    result.emplace_back(false, std::initializer_list<std::int64_t>{4, 5, 5}, periodic, 1, random);
  }
  result.emplace_back(false, std::initializer_list<std::int64_t>{5, 4, 6}, 2, 3, random);
  result.emplace_back(true, std::initializer_list<std::int64_t>{1, 1, 67}, 0, 1, random);
  for (Problem& problem : result) {
    for (int axis = 0; axis < 3; ++axis) problem.pointers[axis] = problem.faces[axis].data();
  }
  return result;
}

}  // namespace longtail::multigrid
