#include "multigrid/grid_transfer.h"

#include <algorithm>
#include <vector>

#include "multigrid/grid_transfer_level.h"

namespace longtail::multigrid {
namespace {

const TransferKernels& kernels() {
  static constexpr PerLevel<const TransferKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kTransferKernels);
  return *levels[cpu_level()];
}

std::int64_t tiles_of(const TransferShape& shape) {
  return shape.batch * ((shape.height + 3) / 4) * ((shape.width + 3) / 4);
}

std::int64_t strips_of(const TransferShape& shape) {
  return (tiles_of(shape) + kTransferTiles - 1) / kTransferTiles;
}

TransferStrip strip_at(const TransferShape& shape, std::int64_t index) {
  const std::int64_t first = index * kTransferTiles;
  return {&shape, first, std::min(kTransferTiles, tiles_of(shape) - first)};
}

/// Which tap of an axis, or which two, a product is of; -1: none.
struct Taps {
  int first, second;
};
constexpr Taps kUp[6] = {{3, -1}, {3, 1}, {1, -1}, {2, -1}, {2, 0}, {0, -1}};
constexpr Taps kDown[6] = {{0, -1}, {0, 2}, {2, -1}, {1, -1}, {1, 3}, {3, -1}};

/// Calls visit(tap along H, tap along W) for the taps that a product is of.
template <class Visit>
void each_tap(const TransferShape& shape, Taps rows, Taps columns, const Visit& visit) {
  for (const int a : {rows.first, rows.second}) {
    for (const int b : {columns.first, columns.second}) {
      if (a >= 0 && a < shape.taps && b >= 0 && b < shape.taps) visit(a, b);
    }
  }
}

/// Weights of all products: [36, coarse, rounded(fine)] on the way up, [36, fine, rounded(coarse)]
/// down. Taps are brought behind each other first, so that what is added lies in a row.
std::vector<float> transformed(const TransferShape& shape, bool up, const float* w) {
  const Taps* taps = up ? kUp : kDown;
  const std::int64_t in = up ? shape.coarse : shape.fine;
  const std::int64_t rows = up ? shape.fine : shape.coarse, out = rounded_channels(rows);
  const std::int64_t points = shape.taps * shape.taps;
  std::vector<float> planes(points * in * rows);
  for (std::int64_t c = 0; c < in; ++c) {
    for (std::int64_t o = 0; o < rows; ++o) {
      const float* from = w + (up ? c * shape.fine + o : o * shape.fine + c) * points;
      for (std::int64_t t = 0; t < points; ++t) planes[(t * in + c) * rows + o] = from[t];
    }
  }
  std::vector<float> u(kProducts * in * out);
  for (int f = 0; f < kProducts; ++f) {
    each_tap(shape, taps[f / 6], taps[f % 6], [&](int a, int b) {
      const float* plane = planes.data() + (a * shape.taps + b) * in * rows;
      for (std::int64_t c = 0; c < in; ++c) {
        float* to = u.data() + (f * in + c) * out;
        for (std::int64_t o = 0; o < rows; ++o) to[o] += plane[c * rows + o];
      }
    });
  }
  return u;
}

std::vector<float> up_memory(const TransferShape& shape) {
  return std::vector<float>(kTransferTiles * (kCoarseValues * rounded_channels(shape.coarse) +
                                              kProducts * rounded_channels(shape.fine)));
}

constexpr std::int64_t kStripGrain = 4;
/// Sums of weight gradients are formed in so many parts at most, of so many strips at least,
/// whatever the number of threads.
constexpr std::int64_t kParts = 16, kStripsOfPart = 32;

}  // namespace

void grid_up(const TransferShape& shape, const float* x, const float* w, const float* add,
             const float* bias, float* y, const ParallelFor& parallel_for) {
  const std::vector<float> u = transformed(shape, true, w);
  run_parallel(parallel_for, 0, strips_of(shape), kStripGrain,
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<float> memory = up_memory(shape);
                 for (std::int64_t s = begin; s < end; ++s) {
                   kernels().up(strip_at(shape, s), x, u.data(), add, bias, memory.data(), y);
                 }
               });
}

void grid_down(const TransferShape& shape, const float* x, const float* w, float* y,
               const ParallelFor& parallel_for) {
  const std::vector<float> u = transformed(shape, false, w);
  run_parallel(
      parallel_for, 0, strips_of(shape), kStripGrain, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> memory(kTransferTiles * (kProducts * rounded_channels(shape.fine) +
                                                    kSums * rounded_channels(shape.coarse)));
        for (std::int64_t s = begin; s < end; ++s) {
          kernels().down(strip_at(shape, s), x, u.data(), memory.data(), y);
        }
      });
}

void grid_transfer_weight(const TransferShape& shape, const float* coarse, const float* fine,
                          float* dw, const ParallelFor& parallel_for) {
  const std::int64_t in = rounded_channels(shape.coarse), out = rounded_channels(shape.fine);
  const std::int64_t strips = strips_of(shape), size = kProducts * in * out;
  const std::int64_t parts = std::clamp<std::int64_t>(strips / kStripsOfPart, 1, kParts);
  std::vector<float> sums(parts * size);
  run_parallel(parallel_for, 0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> memory = up_memory(shape);
    for (std::int64_t p = begin; p < end; ++p) {
      for (std::int64_t s = p * strips / parts; s < (p + 1) * strips / parts; ++s) {
        kernels().weight(strip_at(shape, s), coarse, fine, memory.data(), sums.data() + p * size);
      }
    }
  });
  for (std::int64_t p = 1; p < parts; ++p) {
    for (std::int64_t i = 0; i < size; ++i) sums[i] += sums[p * size + i];
  }
  const std::int64_t points = shape.taps * shape.taps;
  std::vector<float> planes(points * in * out);
  for (int f = 0; f < kProducts; ++f) {
    each_tap(shape, kUp[f / 6], kUp[f % 6], [&](int a, int b) {
      float* plane = planes.data() + (a * shape.taps + b) * in * out;
      const float* du = sums.data() + f * in * out;
      for (std::int64_t i = 0; i < shape.coarse * out; ++i) plane[i] += du[i];
    });
  }
  for (std::int64_t k = 0; k < shape.coarse; ++k) {
    for (std::int64_t l = 0; l < shape.fine; ++l) {
      float* to = dw + (k * shape.fine + l) * points;
      for (std::int64_t t = 0; t < points; ++t) to[t] = planes[(t * in + k) * out + l];
    }
  }
}

}  // namespace longtail::multigrid
