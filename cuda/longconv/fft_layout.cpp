#include "cuda/longconv/fft_layout.h"

#include <algorithm>

#include "longconv/long_conv_rows.h"

namespace longtail::cuda {
namespace {

/// What a row of transforms costs, in some unit: passes, of which those over memory are slow.
std::int64_t cost_of(std::int64_t size, std::int64_t most_points) {
  std::int64_t bits = 0, memory_passes = 0;
  while (std::int64_t{1} << bits < size) ++bits;
  for (std::int64_t points = size; points > most_points; points /= kMemoryRadix) ++memory_passes;
  return size * (bits + 4 + 16 * memory_passes);
}

std::int64_t power_of_two(std::int64_t least) {
  std::int64_t size = kFewestPoints;
  while (size < least) size *= 2;
  return size;
}

}  // namespace

ConvLayout conv_layout(const longconv::ConvShape& shape, std::int64_t most_points) {
  const std::int64_t taps = longconv::reaching_taps(shape) + longconv::reaching_taps_before(shape);
  const std::int64_t whole = power_of_two(shape.length);
  std::int64_t size = whole, least = shape.state ? -1 : cost_of(whole, most_points);
  bool in_blocks = false;
  // With a state even one block must not wrap around.
  for (std::int64_t each = power_of_two(taps);; each *= 2) {
    const std::int64_t blocks = (shape.length + each - 1) / each;
    const std::int64_t cost = std::max<std::int64_t>(1, blocks) * cost_of(each, most_points);
    if (least < 0 || cost < least) {
      least = cost;
      size = each;
      in_blocks = true;
    }
    if (each >= whole) break;
  }
  return {size, !in_blocks, most_points};
}

std::int64_t most_points(std::int64_t shared_bytes, int item) {
  std::int64_t points = kMostBytesOfPoints / (2 * item);
  while (points * 2 * item > shared_bytes) points /= 2;
  return points;
}

}  // namespace longtail::cuda
