#pragma once
// When a grid is coarse enough, and which axes become coarser before: the same for every operator,
// on CPUs and GPUs.

#include <cstdint>

namespace longtail::multigrid {

/// A coarsest level is solved by its inverse, a matrix: few points.
inline constexpr std::int64_t kFewPoints = 32;

/// An axis becomes coarser whose spacing is at most so many times the smallest. With 1.5 point
/// smoothers of two axes converge at 0.25 a cycle where spacings are that far apart; so at 0.2 for
/// any spacings. Of three axes they do at 0.31 with 1.25 already, but at 0.15 over-relaxed; a lower
/// number costs more than it saves there, as an axis that waits makes levels larger.
inline constexpr double kSimilarSpacing = 1.25;

}  // namespace longtail::multigrid
