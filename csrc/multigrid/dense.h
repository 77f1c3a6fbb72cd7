#pragma once
// The inverse of a small symmetric positive definite matrix, for the coarsest level.

#include <cstdint>
#include <vector>

#include "multigrid/grid_view.h"

namespace longtail::multigrid {

/// Of matrix [n, n], by Cholesky factors. A matrix that is not positive definite: as if the pivots
/// that are not were infinite.
std::vector<double> inverse_of_positive(std::vector<double> matrix, std::int64_t n);

/// Takes from a matrix [n, n] the mean by volume of what it makes, and what it makes of constants.
void remove_constants(std::vector<double>& matrix, const std::vector<double>& volume);

/// u = inverse f, where u and f are values on a grid and the inverse, [n, n], is of its n points.
template <class S>
void multiply_by_inverse(const GridShape& shape, const S* inverse, S* u, const S* f) {
  const std::int64_t n = shape.points();
  const auto at = [&](std::int64_t i) {
    return shape.line(i / shape.sizes[2]) + i % shape.sizes[2];
  };
  for (std::int64_t i = 0; i < n; ++i) {
    S sum = 0;
    for (std::int64_t j = 0; j < n; ++j) sum += inverse[i * n + j] * f[at(j)];
    u[at(i)] = sum;
  }
}

}  // namespace longtail::multigrid
