#pragma once
// Matrices as the register-blocked product of core/multiply.h reads them: a left one of any
// strides, and a right one packed into panels of two vectors of columns. Nothing here depends on
// the level but the number of lanes that it is told.

#include <algorithm>
#include <cstdint>
#include <memory>

namespace longtail {

/// Columns of the right matrix lie in panels of two vectors, each [depth, panel]; the last may be
/// one vector.
inline constexpr int kPanelVectors = 2;

/// A matrix [rows, depth] whose element (r, d) is data[r * row + d * column].
template <class S>
struct Strided {
  const S* data;
  std::int64_t row, column;
};

/// c [rows, columns] += a b, b packed by pack(); c has whole vectors of columns.
template <class S>
using Multiply = void (*)(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                          const Strided<S>& a, const S* b, S* c, std::int64_t c_stride);

/// What a level gives every kernel made of such products; S is double for float64, float for the
/// rest. widen and narrow are indexed by DType.
template <class S>
struct DenseKernels {
  Multiply<S> multiply;
  int lanes;  // of a vector of S
  void (*widen[4])(const void* from, S* to, std::int64_t count);
  void (*narrow[4])(const S* from, void* to, std::int64_t count);
};

inline std::int64_t blocks_of(std::int64_t count, std::int64_t block) {
  return (count + block - 1) / block;
}

/// Memory to be written before it is read.
template <class S>
std::unique_ptr<S[]> scratch(std::int64_t count) {
  return std::make_unique_for_overwrite<S[]>(static_cast<std::size_t>(count));
}

/// Where column c of panels [depth, panel] starts, and how wide its panel is.
struct Panels {
  std::int64_t lanes, padded;  // columns padded to whole vectors

  Panels(int lanes_, std::int64_t columns)
      : lanes(lanes_), padded(blocks_of(columns, lanes_) * lanes_) {}
  std::int64_t start(std::int64_t column) const {
    const std::int64_t panel = kPanelVectors * lanes;
    return column / panel * panel;
  }
  std::int64_t width(std::int64_t column) const {
    return std::min(kPanelVectors * lanes, padded - start(column));
  }
};

/// Element (d, c) of `of` into panels, zeros where columns are padded.
template <class S, class Element>
void pack(const Panels& panels, std::int64_t depth, std::int64_t columns, S* to,
          const Element& element) {
  for (std::int64_t begin = 0; begin < panels.padded;) {
    const std::int64_t width = panels.width(begin);
    const std::int64_t filled = std::min(columns - begin, width);
    for (std::int64_t d = 0; d < depth; ++d, to += width) {
      for (std::int64_t c = 0; c < filled; ++c) to[c] = element(d, begin + c);
      for (std::int64_t c = filled; c < width; ++c) to[c] = S(0);
    }
    begin += width;
  }
}

}  // namespace longtail
