// The strips of winograd_level.h, compiled once per CPU level.
//
// A strip's windows of 4 x 4 points become 16 matrices [tiles, channels], each multiplied with the
// 16th part of the weights; the products become 2 x 2 results. Lanes are channels. Rows are as long
// as whole blocks of channels, so that products need no care for the last; what stands there is
// never written out.
#include "multigrid/winograd_products.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

struct Tile {
  std::int64_t image, top, left;  // of its results
};

LONGTAIL_INLINE Tile tile_of(const GridConvShape& shape, std::int64_t index) {
  const std::int64_t across = (shape.width + 1) / 2, down = (shape.height + 1) / 2;
  const std::int64_t row = index / across;
  return {row / down, 2 * (row % down), 2 * (index - row * across)};
}

/// to[f, c] = (B^T x B)[f] for the window of a tile; frequencies are `stride` apart.
LONGTAIL_INLINE void transform_window(const GridConvShape& shape, const Tile& tile, const float* x,
                                      float* to, std::int64_t stride) {
  const float* point[16];
  for (int a = 0; a < 4; ++a) {
    for (int b = 0; b < 4; ++b) {
      const std::int64_t i = tile.top + a - 1, j = tile.left + b - 1;
      const bool inside = i >= 0 && i < shape.height && j >= 0 && j < shape.width;
      point[4 * a + b] =
          inside ? x + ((tile.image * shape.height + i) * shape.width + j) * shape.in : kZeros;
    }
  }
  each_channels(shape.in, [&](std::int64_t c, auto like) {
    using T = decltype(like);
    T half[4][4];
    for (int b = 0; b < 4; ++b) {
      const T d0 = load<T>(point[b] + c), d1 = load<T>(point[4 + b] + c);
      const T d2 = load<T>(point[8 + b] + c), d3 = load<T>(point[12 + b] + c);
      half[0][b] = d0 - d2;
      half[1][b] = d1 + d2;
      half[2][b] = d2 - d1;
      half[3][b] = d1 - d3;
    }
    for (int a = 0; a < 4; ++a) {
      float* row = to + 4 * a * stride + c;
      store(row, half[a][0] - half[a][2]);
      store(row + stride, half[a][1] + half[a][2]);
      store(row + 2 * stride, half[a][2] - half[a][1]);
      store(row + 3 * stride, half[a][1] - half[a][3]);
    }
  });
}

/// to[f, c] = (A g A^T)[f] for the 2 x 2 gradients of a tile, zeros outside.
LONGTAIL_INLINE void transform_gradient(const GridConvShape& shape, const Tile& tile,
                                        const float* grad, float* to, std::int64_t stride) {
  const float* point[4];
  for (int a = 0; a < 2; ++a) {
    for (int b = 0; b < 2; ++b) {
      const std::int64_t i = tile.top + a, j = tile.left + b;
      const bool inside = i < shape.height && j < shape.width;
      point[2 * a + b] =
          inside ? grad + ((tile.image * shape.height + i) * shape.width + j) * shape.out : kZeros;
    }
  }
  each_channels(shape.out, [&](std::int64_t c, auto like) {
    using T = decltype(like);
    const T g00 = load<T>(point[0] + c), g01 = load<T>(point[1] + c);
    const T g10 = load<T>(point[2] + c), g11 = load<T>(point[3] + c);
    const T left[4] = {g00, g00 + g10, g00 - g10, -g10};
    const T right[4] = {g01, g01 + g11, g01 - g11, -g11};
    for (int a = 0; a < 4; ++a) {
      float* row = to + 4 * a * stride + c;
      store(row, left[a]);
      store(row + stride, left[a] + right[a]);
      store(row + 2 * stride, left[a] - right[a]);
      store(row + 3 * stride, -right[a]);
    }
  });
}

/// The results of a tile of its 16 products m[f, o].
LONGTAIL_INLINE void write_tile(const GridConvShape& shape, const Tile& tile, const float* m,
                                std::int64_t stride, const float* add, const float* bias,
                                float* y) {
  const bool second_row = tile.top + 1 < shape.height, second = tile.left + 1 < shape.width;
  const std::int64_t first =
      ((tile.image * shape.height + tile.top) * shape.width + tile.left) * shape.out;
  const std::int64_t below = shape.width * shape.out;
  each_channels(shape.out, [&](std::int64_t c, auto like) {
    using T = decltype(like);
    T half[2][4];
    for (int b = 0; b < 4; ++b) {
      const float* column = m + b * stride + c;
      const T m1 = load<T>(column + 4 * stride), m2 = load<T>(column + 8 * stride);
      half[0][b] = load<T>(column) + m1 + m2;
      half[1][b] = m1 - m2 - load<T>(column + 12 * stride);
    }
    const T start = bias ? load<T>(bias + c) : T(0.f);
    for (int a = 0; a < 2; ++a) {
      if (a && !second_row) continue;
      T left = half[a][0] + half[a][1] + half[a][2] + start;
      T right = half[a][1] - half[a][2] - half[a][3] + start;
      const std::int64_t at = first + a * below + c;
      if (add) left = left + load<T>(add + at);
      store(y + at, left);
      if (!second) continue;
      if (add) right = right + load<T>(add + at + shape.out);
      store(y + at + shape.out, right);
    }
  });
}

void forward(const Strip& strip, const float* x, const float* u, const float* add,
             const float* bias, float* memory, float* y) {
  const GridConvShape& shape = *strip.shape;
  const std::int64_t in = rounded_channels(shape.in), out = rounded_channels(shape.out);
  float* windows = memory;
  float* products = memory + kFrequencies * kStripTiles * in;
  for (std::int64_t t = 0; t < strip.count; ++t) {
    transform_window(shape, tile_of(shape, strip.first + t), x, windows + t * in, kStripTiles * in);
  }
  const std::int64_t tiles = whole_rows(strip.count);
  for (int f = 0; f < kFrequencies; ++f) {
    multiply(tiles, shape.in, shape.out, in, out, windows + f * kStripTiles * in,
             u + f * shape.in * out, products + f * kStripTiles * out);
  }
  for (std::int64_t t = 0; t < strip.count; ++t) {
    write_tile(shape, tile_of(shape, strip.first + t), products + t * out, kStripTiles * out, add,
               bias, y);
  }
}

void weight(const Strip& strip, const float* grad, const float* x, float* memory, float* du) {
  const GridConvShape& shape = *strip.shape;
  const std::int64_t in = rounded_channels(shape.in), out = rounded_channels(shape.out);
  float* windows = memory;
  float* gradients = memory + kFrequencies * kStripTiles * in;
  for (std::int64_t t = 0; t < strip.count; ++t) {
    const Tile tile = tile_of(shape, strip.first + t);
    transform_window(shape, tile, x, windows + t * in, kStripTiles * in);
    transform_gradient(shape, tile, grad, gradients + t * out, kStripTiles * out);
  }
  for (int f = 0; f < kFrequencies; ++f) {
    add_outer(strip.count, shape.in, shape.out, in, out, windows + f * kStripTiles * in,
              gradients + f * kStripTiles * out, du + f * in * out);
  }
}

}  // namespace

const WinogradKernels kWinogradKernels = {&forward, &weight};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
