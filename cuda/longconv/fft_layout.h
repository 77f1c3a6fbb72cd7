// How a transform of N = 2^k, 3 2^k or 5 2^k points is taken apart on a GPU. Formulas:
// csrc/longconv/fft_plan.h.
//
//   whole    N = 2^k fits into shared memory: one kernel; 16, then what is needed, 16 last
//   parts    R = 3, 4 or 5 parts of N / R points, one after the other in one kernel, and sums of
//            the row's N real results: N (1 + 2 / R) numbers of shared memory instead of 2 N
//   passes   over memory, of radix 3 or 5 if N has it, then of 16; blocks in shared memory
#pragma once

#include <cstdint>

#include "core/host_device.h"
#include "longconv/long_conv.h"

namespace longtail::cuda {

constexpr int kMemoryRadix = 16;
constexpr std::int64_t kFewestPoints = 256;
constexpr std::int64_t kMostBytesOfPoints = 1 << 17;  // 16,384 pairs of floats

constexpr int kMostSharedBytes = 227 << 10;  // of a block, on any GPU

// Parts of fewer points gain nothing over the next power of two: docs/families/long-conv.md.
constexpr std::int64_t kFewestPointsOfPart = 2048;
constexpr int kMostParts = 5;

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

// One table of roots, in complex numbers. Slot s at n is for q = s, or 4 (s - 3) from 4 on,
//
//   exp(-2 pi i (n q / length + turn n / (4 parts length))),   the second term in slots 0 ... 3
//
// turn 0: no first pass; 1 and parts 1: a row's; 4 p + 1: that of part p.
struct RootPass {
  std::int64_t length, begin, step;
  int turn, parts;
};
struct RootTable {
  static constexpr int kMostPasses = 24;
  int passes = 0;
  RootPass pass[kMostPasses] = {};
  std::int64_t size = 0;

  void add(std::int64_t length, std::int64_t step, int slots, int turn, int parts) {
    pass[passes] = {length, size, step, turn, parts};
    size += slots * step;
    ++passes;
  }
  void add(std::int64_t length, int radix) {
    add(length, length / radix, kRootSlots, passes == 0 ? 1 : 0, 1);
  }
};

// The tables of one part: of its first pass, then what turns the 16 numbers of a butterfly, then
// the weights of the R numbers of the row that make one of the part's.
struct PartTables {
  std::int64_t turns, weights, size;

  explicit constexpr PartTables(std::int64_t points)
      : turns(kRootSlots * (points / 16)), weights(turns + 16), size(weights + kMostParts) {}
};

struct ConvLayout {
  std::int64_t size;        // N
  bool whole;               // one transform is a whole row; otherwise it is cut into blocks
  std::int64_t points;      // in shared memory
  std::int64_t room;        // of shared memory, in numbers of the computing type
  int parts = 1;            // more: convolve_parts takes them
  int memory_passes = 0;    // `parts` may be the first of them
  int radix = 1;            // of the first one, if it is not 16
  int first_part_pass = 0;  // where PartTables begin among the roots
  RootTable roots;

  ConvLayout(std::int64_t n, bool whole_rows, std::int64_t numbers, std::int64_t most_points);

  bool one_kernel() const { return memory_passes == 0 || parts > 1; }
  int radix_of(int pass) const { return pass == 0 && radix > 1 ? radix : kMemoryRadix; }
};

// For rows of a call on a GPU whose blocks may have so many bytes of shared memory.
ConvLayout conv_layout(const longconv::ConvShape& shape, std::int64_t shared_bytes, int item);

// Numbers of shared memory that a kernel needs for all outputs of a transform at once.
std::int64_t room_together(std::int64_t points);

}  // namespace longtail::cuda
