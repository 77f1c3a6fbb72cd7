// Walking strided N-d boxes, for the CPU and the CUDA element-wise drivers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/elementwise.h"

namespace longtail {

enum Operand { kFirst, kSecond, kOut, kOperands };

// One dimension of the iteration box with the step of each operand along it, in bytes.
struct Dimension {
  std::int64_t size;
  std::array<std::int64_t, kOperands> strides;
};

// The box without dimensions of size 1, neighbours merged wherever every operand steps through
// both as through one. Last dimension fastest; never empty.
// Throws std::invalid_argument if a view has not one stride per dimension of `sizes`.
std::vector<Dimension> coalesce(std::span<const std::int64_t> sizes, const InputView& first,
                                const InputView& second, const OutputView& out);

// Calls row(offset, stride, done, count) for the runs along the last dimension that make up the
// `n` elements from flat index `start`: `done` elements came before, `count` follow at
// offset + i * stride bytes.
template <class Row>
void for_each_row(const std::vector<Dimension>& box, Operand operand, std::int64_t start,
                  std::int64_t n, Row&& row) {
  const Dimension& inner = box.back();
  std::int64_t outer_index = start / inner.size;
  std::int64_t column = start % inner.size;
  for (std::int64_t done = 0; done < n; ++outer_index, column = 0) {
    std::int64_t offset = column * inner.strides[operand];
    std::int64_t rest = outer_index;
    for (std::size_t d = box.size() - 1; d-- > 0;) {
      offset += (rest % box[d].size) * box[d].strides[operand];
      rest /= box[d].size;
    }
    const std::int64_t count = std::min(inner.size - column, n - done);
    row(offset, inner.strides[operand], done, count);
    done += count;
  }
}

}  // namespace longtail
