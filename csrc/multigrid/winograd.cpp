#include "multigrid/winograd.h"

#include <algorithm>
#include <vector>

#include "multigrid/winograd_level.h"

namespace longtail::multigrid {
namespace {

const WinogradKernels& kernels() {
  static constexpr PerLevel<const WinogradKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kWinogradKernels);
  return *levels[cpu_level()];
}

std::int64_t tiles_of(const GridConvShape& shape) {
  return shape.batch * ((shape.height + 1) / 2) * ((shape.width + 1) / 2);
}

std::int64_t strips_of(const GridConvShape& shape) {
  return (tiles_of(shape) + kStripTiles - 1) / kStripTiles;
}

Strip strip_at(const GridConvShape& shape, std::int64_t index) {
  const std::int64_t first = index * kStripTiles;
  return {&shape, first, std::min(kStripTiles, tiles_of(shape) - first)};
}

std::vector<float> strip_memory(const GridConvShape& shape) {
  return std::vector<float>(kFrequencies * kStripTiles *
                            (rounded_channels(shape.in) + rounded_channels(shape.out)));
}

/// G g for a column of three.
struct Four {
  float at[4];
};
Four expanded(float g0, float g1, float g2) {
  return {{g0, 0.5f * (g0 + g1 + g2), 0.5f * (g0 - g1 + g2), g2}};
}

/// G w G^T as [16, in, rounded(out)], zeros behind the channels.
std::vector<float> transformed(const GridConvShape& shape, bool adjoint, const float* w) {
  const std::int64_t out = rounded_channels(shape.out);
  std::vector<float> u(kFrequencies * shape.in * out);
  for (std::int64_t o = 0; o < shape.out; ++o) {
    for (std::int64_t c = 0; c < shape.in; ++c) {
      float g[9];
      for (int k = 0; k < 9; ++k) {
        g[k] = adjoint ? w[(c * shape.out + o) * 9 + 8 - k] : w[(o * shape.in + c) * 9 + k];
      }
      Four column[3];
      for (int b = 0; b < 3; ++b) column[b] = expanded(g[b], g[3 + b], g[6 + b]);
      for (int a = 0; a < 4; ++a) {
        const Four row = expanded(column[0].at[a], column[1].at[a], column[2].at[a]);
        for (int b = 0; b < 4; ++b) u[((4 * a + b) * shape.in + c) * out + o] = row.at[b];
      }
    }
  }
  return u;
}

/// Strips that one task takes, at least.
constexpr std::int64_t kStripGrain = 4;
/// Sums of weight gradients are formed in so many parts at most, of so many strips at least,
/// whatever the number of threads.
constexpr std::int64_t kParts = 16, kStripsOfPart = 32;

}  // namespace

void grid_conv(const GridConvShape& shape, bool adjoint, const float* x, const float* w,
               const float* add, const float* bias, float* y, const ParallelFor& parallel_for) {
  const std::vector<float> u = transformed(shape, adjoint, w);
  run_parallel(parallel_for, 0, strips_of(shape), kStripGrain,
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<float> memory = strip_memory(shape);
                 for (std::int64_t s = begin; s < end; ++s) {
                   kernels().forward(strip_at(shape, s), x, u.data(), add, bias, memory.data(), y);
                 }
               });
}

void grid_conv_weight(const GridConvShape& shape, const float* grad, const float* x, float* dw,
                      const ParallelFor& parallel_for) {
  const std::int64_t in = rounded_channels(shape.in), out = rounded_channels(shape.out);
  const std::int64_t strips = strips_of(shape), size = kFrequencies * in * out;
  const std::int64_t parts = std::clamp<std::int64_t>(strips / kStripsOfPart, 1, kParts);
  std::vector<float> sums(parts * size);
  run_parallel(parallel_for, 0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> memory = strip_memory(shape);
    for (std::int64_t p = begin; p < end; ++p) {
      for (std::int64_t s = p * strips / parts; s < (p + 1) * strips / parts; ++s) {
        kernels().weight(strip_at(shape, s), grad, x, memory.data(), sums.data() + p * size);
      }
    }
  });
  for (std::int64_t p = 1; p < parts; ++p) {
    for (std::int64_t i = 0; i < size; ++i) sums[i] += sums[p * size + i];
  }
  for (std::int64_t o = 0; o < shape.out; ++o) {
    for (std::int64_t c = 0; c < shape.in; ++c) {
      const auto du = [&](int f) { return sums[(f * in + c) * out + o]; };
      float rows[3][4];  // G^T du
      for (int b = 0; b < 4; ++b) {
        const float plus = 0.5f * (du(4 + b) + du(8 + b));
        rows[0][b] = du(b) + plus;
        rows[1][b] = 0.5f * (du(4 + b) - du(8 + b));
        rows[2][b] = plus + du(12 + b);
      }
      float* to = dw + (o * shape.in + c) * 9;
      for (int a = 0; a < 3; ++a) {
        const float plus = 0.5f * (rows[a][1] + rows[a][2]);
        to[3 * a] = rows[a][0] + plus;
        to[3 * a + 1] = 0.5f * (rows[a][1] - rows[a][2]);
        to[3 * a + 2] = plus + rows[a][3];
      }
    }
  }
}

}  // namespace longtail::multigrid
