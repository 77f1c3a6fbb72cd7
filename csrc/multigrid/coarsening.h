#pragma once
// When a grid is coarse enough, and which axes become coarser before: the same for every operator,
// on CPUs and GPUs.

#include <cstdint>

namespace longtail::multigrid {

/// A coarsest level is solved by its inverse, a matrix: few points.
inline constexpr std::int64_t kFewPoints = 32;

/// An axis becomes coarser whose spacing is at most so many times the smallest. Of two axes: with
/// 1.5 point smoothers converge at 0.25 a cycle where spacings are that far apart, so at 0.175 for
/// any spacings. Of three they do at 0.33 with 1.25 already, and at 0.14 where a single axis waits,
/// which costs less than it saves.
inline constexpr double similar_spacing(bool flat) { return flat ? 1.25 : 1.02; }

}  // namespace longtail::multigrid
