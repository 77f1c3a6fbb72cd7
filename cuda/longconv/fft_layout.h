// How a transform of N = 2^k points is taken apart on a GPU: passes of radix 16 over memory until
// what is left fits into shared memory, then passes there. Formulas: csrc/longconv/fft_plan.h.
//
//   N <= most points of a block    one kernel: 16, then what is needed, 16 last
//   above                          passes of 16 over memory, blocks of N / 16, N / 256 ... points
#pragma once

#include <cstdint>

#include "core/host_device.h"
#include "longconv/long_conv.h"

namespace longtail::cuda {

constexpr int kMemoryRadix = 16;
constexpr std::int64_t kFewestPoints = 256;
constexpr std::int64_t kMostBytesOfPoints = 1 << 17;  // 16,384 pairs of floats

// Numbers that a thread loads for one butterfly of radix 16: exp(-2 pi i n q / length), q = 4 a +
// b, is the product of those for b, slots 0 ... 3, and for 4 a, slots 4 ... 6. The first pass of a
// row has also its w^n, in slots 0 ... 3.
constexpr int kRootSlots = 7;

// The passes in shared memory over `points`: a 16 first, a 16 last, and in between a smaller one
// and, from 8192 points on, another 16.
struct BlockPasses {
  int second;  // 1: none
  bool third;

  explicit constexpr BlockPasses(std::int64_t points) : second(1), third(false) {
    const auto rest = static_cast<int>(points / 256);
    third = rest > 16;
    second = third ? rest / 16 : rest;
  }
};

// Where the roots of each pass begin in the table, in complex numbers; those of the passes over
// memory come first.
struct RootPass {
  std::int64_t length, begin;
  int radix;
  bool of_rows;
};
struct RootTable {
  static constexpr int kMostPasses = 12;
  int passes = 0;
  RootPass pass[kMostPasses] = {};
  std::int64_t size = 0;

  void add(std::int64_t length, int radix) {
    pass[passes] = {length, size, radix, passes == 0};
    size += kRootSlots * (length / radix);
    ++passes;
  }
};

struct ConvLayout {
  std::int64_t size;      // N
  bool whole;             // one transform is a whole row; otherwise it is cut into blocks
  std::int64_t points;    // in shared memory
  int memory_passes = 0;  // N = points 16^memory_passes
  RootTable roots;

  ConvLayout(std::int64_t n, bool whole_rows, std::int64_t most_points)
      : size(n), whole(whole_rows), points(n) {
    for (; points > most_points; points /= kMemoryRadix) {
      roots.add(points, kMemoryRadix);
      ++memory_passes;
    }
    const BlockPasses passes(points);
    roots.add(points, 16);
    if (passes.second > 1) roots.add(points / 16, passes.second);
    if (passes.third) roots.add(256, 16);
  }
  const RootPass& block_pass() const { return roots.pass[memory_passes]; }
};

// For rows of a call, with at most so many points in shared memory.
ConvLayout conv_layout(const longconv::ConvShape& shape, std::int64_t most_points);

// Points of a transform that a block may hold in shared memory of so many bytes.
std::int64_t most_points(std::int64_t shared_bytes, int item);

}  // namespace longtail::cuda
