#pragma once
// Hadamard transforms of rows of plain memory.
//
//   y = scale * H x for every row x of n elements (transpose: H^T x)
//
// n is 2^k, or K 2^k with K in kHadamardBases, up to kLargestHadamard. H is Sylvester's matrix,
// entry (i, j) = (-1)^popcount(i & j), or H_K (x) Sylvester's, H_K as in hadamard_base.h. H H^T =
// n I; scale = 1 / sqrt(n) makes it orthogonal. n divisible by 40 is taken as 40 2^k, as QuaRot
// takes it, so K = 20 serves n = 20 alone.
//
// float64 is computed in float64, the others in float32 and rounded once; the scale is rounded to
// the type computed in. Stages h = 1, 2, 4, ... of (a, b) -> (a + b, a - b), then H_K's sums from
// the first column on, then the scale: the same bits for every CPU level, number of threads and
// split of the rows.
// Largest measured error relative to the largest element of y, rows of N(0, 1), all supported n,
// against float64: float32 9e-7, float64 2e-15; powers of two 3e-7 and 6e-16.

#include <cstdint>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::attention {

inline constexpr std::int64_t kLargestHadamard = std::int64_t{1} << 15;
/// What error messages say of the sizes.
inline constexpr const char* kHadamardSizes =
    "2^k or K 2^k with K = 12, 20, 28, 36, 40, 52, 60, 108, 140, 156, 172, at most 32768";

/// K of n = K 2^k: 1 for a power of two; 0 where n is not supported.
int hadamard_base(std::int64_t n);

/// The smallest supported size >= n; 0 where there is none.
std::int64_t hadamard_size_for(std::int64_t n);

/// Transforms `rows` contiguous rows of n elements; y may be x. Throws std::invalid_argument for an
/// n that is not supported.
void hadamard_transform(std::int64_t rows, std::int64_t n, DType dtype, const void* x, double scale,
                        bool transpose, void* y, const ParallelFor& parallel_for = {});

}  // namespace longtail::attention
