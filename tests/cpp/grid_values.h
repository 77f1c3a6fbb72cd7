#pragma once
// Values on a level's grid, and the sides that an axis may have.

#include <algorithm>
#include <utility>

#include "dense_boxes.h"
#include "errors.h"
#include "multigrid/cycle.h"
#include "multigrid/grid_memory.h"

namespace longtail::multigrid {

inline const std::pair<Side, Side> kSides[] = {{Side::dirichlet, Side::dirichlet},
                                               {Side::dirichlet, Side::neumann},
                                               {Side::neumann, Side::dirichlet},
                                               {Side::neumann, Side::neumann},
                                               {Side::periodic, Side::periodic}};

/// Values of a level in its layout, in memory that ends where a level's does.
template <class S>
class Values {
 public:
  explicit Values(const Level<S>& level) : shape_(level.shape), grid_(level.shape) {}
  Values(const Level<S>& level, const test::Numbers& from) : Values(level) {
    for (std::size_t i = 0; i < from.size(); ++i) data()[at(i)] = static_cast<S>(from[i]);
    wrap_ghosts(shape_, data());
  }
  S* data() { return grid_.data(); }
  test::Numbers numbers() {
    test::Numbers result(shape_.points());
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
inline void copy(const Level<double>& level, const double* from, double* to) {
  const std::int64_t origin = origin_of<double>(level.shape);
  std::copy_n(from - origin, numbers_of<double>(level.shape), to - origin);
}

inline test::Numbers random_numbers(std::int64_t count, test::Random& random) {
  test::Numbers result(count);
  for (double& each : result) each = random.uniform(-1, 1);
  return result;
}

}  // namespace longtail::multigrid
