#include "cuda/longconv/fft_layout.h"

#include <algorithm>

#include "longconv/long_conv_rows.h"

namespace longtail::cuda {
namespace {

/// Points of a transform that fit into shared memory.
std::int64_t most_points(std::int64_t numbers, int item) {
  std::int64_t points = kMostBytesOfPoints / (2 * item);
  while (2 * points > numbers) points /= 2;
  return points;
}

/// What a call spends on a number of a row, in some unit: arithmetic, numbers that go to shared
/// memory or come from it, and, several times as slow, to the L2 cache and back.
std::int64_t cost_of(const ConvLayout& layout, std::int64_t outputs) {
  std::int64_t bits = 0;
  while (std::int64_t{1} << bits < layout.size) ++bits;
  const BlockPasses passes(layout.points);
  std::int64_t cost = bits + 14 + (passes.second > 1 ? 8 : 0) + (passes.third ? 8 : 0);
  if (layout.parts > 1) {
    cost += 3 * layout.parts - 2;
  } else if (layout.memory_passes > 0) {
    cost += 6 + 24 * layout.memory_passes;
  }
  // Half of the work is the way there: once for all outputs, where its result can be kept.
  const bool kept =
      layout.one_kernel() ? layout.parts == 1 && room_together(layout.points) <= layout.room : true;
  return cost * layout.size * (kept ? outputs + 1 : 2 * outputs);
}

/// The smallest size from `least` on that a layout can have.
std::int64_t fft_size(std::int64_t least) {
  std::int64_t best = kFewestPoints;
  while (best < least) best *= 2;
  for (const int odd : {3, 5}) {
    std::int64_t size = odd * kFewestPoints;
    while (size < least) size *= 2;
    best = std::min(best, size);
  }
  return best;
}

}  // namespace

std::int64_t room_together(std::int64_t points) { return 4 * std::max<std::int64_t>(points, 2048); }

ConvLayout::ConvLayout(std::int64_t n, bool whole_rows, std::int64_t numbers,
                       std::int64_t most_points)
    : size(n), whole(whole_rows), points(n), room(numbers) {
  radix = n % 3 == 0 ? 3 : n % 5 == 0 ? 5 : 1;
  const int cut = radix > 1 ? radix : n > most_points ? 4 : 1;
  const std::int64_t of_part = n / cut;
  if (cut > 1 && kFewestPointsOfPart <= of_part && of_part <= most_points / 2 &&
      2 * of_part + n <= numbers) {
    parts = radix = cut;
  }
  if (radix > 1) {
    roots.add(points, radix);
    points /= radix;
    ++memory_passes;
  }
  for (; points > most_points; points /= kMemoryRadix) {
    roots.add(points, kMemoryRadix);
    ++memory_passes;
  }
  const BlockPasses passes(points);
  roots.add(points, 16);
  if (passes.second > 1) roots.add(points / 16, passes.second);
  if (passes.third) roots.add(256, 16);
  first_part_pass = roots.passes;
  for (int p = 0; parts > 1 && p < parts; ++p) {
    const int turn = 4 * p + 1;
    roots.add(points, points / 16, kRootSlots, turn, parts);
    roots.add(16, 16, 1, turn, parts);
    roots.add(1, kMostParts, 1, turn, parts);
  }
}

ConvLayout conv_layout(const longconv::ConvShape& shape, std::int64_t shared_bytes, int item) {
  const std::int64_t numbers = shared_bytes / item, most = most_points(numbers, item);
  const std::int64_t taps = longconv::reaching_taps(shape) + longconv::reaching_taps_before(shape);
  // Of whole rows the next power of two may do with fewer passes. With a state even one block must
  // not wrap around.
  const std::int64_t least = std::max<std::int64_t>(1, shape.state ? taps : shape.length);
  ConvLayout best(fft_size(least), !shape.state, numbers, most);
  std::int64_t least_cost = -1;
  const auto consider = [&](std::int64_t size, bool whole, std::int64_t transforms) {
    const ConvLayout layout(size, whole, numbers, most);
    const std::int64_t cost = transforms * cost_of(layout, shape.outputs);
    if (least_cost < 0 || cost < least_cost) {
      least_cost = cost;
      best = layout;
    }
  };
  if (!shape.state) {
    for (std::int64_t size = fft_size(shape.length); size < 2 * least + kFewestPoints;
         size = fft_size(size + 1)) {
      consider(size, true, 1);
    }
  }
  for (std::int64_t size = fft_size(taps);; size = fft_size(size + 1)) {
    consider(size, false, std::max<std::int64_t>(1, (shape.length + size - 1) / size));
    if (size >= shape.length) break;
  }
  return best;
}

}  // namespace longtail::cuda
