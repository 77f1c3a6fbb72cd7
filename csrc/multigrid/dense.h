#pragma once
// The inverse of a small symmetric positive definite matrix, for the coarsest level.

#include <cstdint>
#include <vector>

namespace longtail::multigrid {

/// Of matrix [n, n], by Cholesky factors. A matrix that is not positive definite: as if the pivots
/// that are not were infinite.
std::vector<double> inverse_of_positive(std::vector<double> matrix, std::int64_t n);

}  // namespace longtail::multigrid
