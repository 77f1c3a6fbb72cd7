#pragma once
// Tools that long_conv.cpp and long_conv_backward.cpp share: kernels of a type, and where the
// blocks of a row lie.

#include <algorithm>

#include "core/buffer.h"
#include "longconv/fft_level.h"
#include "longconv/long_conv.h"
#include "longconv/rows_level.h"

namespace longtail::longconv {

template <class S>
const FftKernels<S>& fft_kernels();
template <class S>
const RowKernels<S>& row_kernels(DType rows);
template <class S>
const RowSums<S>& row_sums();

/// Calls run(S*) with the type that rows are computed in.
template <class Run>
auto with_compute_type(DType rows, const Run& run) {
  return rows == DType::float64 ? run(static_cast<double*>(nullptr))
                                : run(static_cast<float*>(nullptr));
}

/// A row in blocks. Block i has inputs from i N on, and gives results from i N - shift on, 2 N of
/// them; block -1 is the state.
struct Blocks {
  std::int64_t size;          // N
  std::int64_t shift;         // R where blocks overlap; nothing wraps around then
  std::int64_t first, count;  // of those with inputs: first is -1 with a state, otherwise 0
  std::int64_t last;          // behind the last that gives results
  bool overlap;               // results N ... 2 N - 1 of a block count

  Blocks(const ConvShape& shape, const ConvPlan& plan)
      : size(plan.size),
        shift(plan.whole
                  ? 0
                  : std::min(shape.taps_before, std::max<std::int64_t>(0, shape.length - 1))),
        first(shape.state ? -1 : 0),
        count((shape.length + size - 1) / size),
        last((shape.length + shift + size - 1) / size),
        overlap(!plan.whole && (last > 1 || shape.state)) {}
};

/// Taps that reach anything in a row of this length.
inline std::int64_t reaching_taps(const ConvShape& shape) {
  return shape.state ? shape.taps : std::min(shape.taps, shape.length);
}
inline std::int64_t reaching_taps_before(const ConvShape& shape) {
  return std::min(shape.taps_before, std::max<std::int64_t>(0, shape.length - 1));
}

/// A row or several, moved by elements of a type known at run time.
struct Rows {
  std::byte* data;
  std::int64_t item;
  Rows(const void* p, DType dtype)
      : data(static_cast<std::byte*>(const_cast<void*>(p))), item(item_size(dtype)) {}
  explicit operator bool() const { return data != nullptr; }
  /// Null stays null.
  void* at(std::int64_t element) const { return data ? data + element * item : nullptr; }
};

/// Work a task should have at least, in points of a transform.
inline constexpr std::int64_t kGrainPoints = std::int64_t{1} << 14;

}  // namespace longtail::longconv
