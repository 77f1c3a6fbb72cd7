#pragma once
// Entries of an operator along lines of points, as kernels want them: one behind the other, where
// the axis along lines becomes coarser and every other point is meant.

#include <vector>

#include "multigrid/black_box_level.h"
#include "multigrid/stencil.h"

namespace longtail::multigrid {

inline const BlackBoxKernels& black_box_kernels() {
  static constexpr PerLevel<const BlackBoxKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kBlackBoxKernels);
  return *levels[cpu_level()];
}

/// A fine line as a place: plane and row, which may be a little outside of the grid, where a
/// periodic axis wraps around; and where its point 0 is.
struct LinePlace {
  std::int64_t plane, row, at;
};

/// Keeps lines that were split: those of up to 8 planes and 8 rows, side by side.
class SplitRows {
 public:
  SplitRows(const Stencil& stencil, bool halved)
      : stencil_(stencil),
        halved_(halved),
        half_((stencil.shape.sizes[2] + 5) / 2),
        slots_(stencil.shape.flat ? 8 : 64) {
    if (!halved) return;
    memory_.resize(slots_ * kArrays * 2 * half_);
    tags_.assign(slots_ * kArrays, kNone);
  }

  /// p[c] = A[i, i + offset], but for its sign (kCentre: positive, others: negative), where i is
  /// point start + stride c of the line, the stride being 2 where the axis is halved.
  const double* entries(int offset, LinePlace line, std::int64_t start) {
    int array = offset;
    if (offset > kCentre) {  // the weight of the opposite offset at the neighbour
      array = 2 * kCentre - offset;
      const Offset o = offset_of(offset);
      line = {line.plane + o.plane, line.row + o.row,
              line.at + stencil_.shape.at(o.plane, o.row, 0)};
      start += o.point;
    }
    const Grid<double>& grid = array == kCentre ? stencil_.centre : stencil_.weights[array];
    if (!halved_) return grid.data() + line.at + start;
    const double* const even = split(array, line, grid.data() + line.at - 2);
    const std::int64_t first = start + 2;  // from the first ghost on
    return even + (first & 1) * half_ + (first >> 1);
  }

 private:
  static constexpr int kArrays = kCentre + 1;
  static constexpr std::int64_t kNone = INT64_MIN;

  const double* split(int array, const LinePlace& line, const double* from) {
    // Of a flat grid planes are all 0.
    const std::int64_t place = (line.plane & 7) * 8 + (line.row & 7);
    const std::int64_t slot = place * kArrays + array;
    double* const even = memory_.data() + slot * 2 * half_;
    if (tags_[slot] != line.at) {
      tags_[slot] = line.at;
      black_box_kernels().split(half_, from, even, even + half_);
    }
    return even;
  }

  const Stencil& stencil_;
  bool halved_;
  std::int64_t half_, slots_;
  std::vector<double> memory_;
  std::vector<std::int64_t> tags_;
};

}  // namespace longtail::multigrid
