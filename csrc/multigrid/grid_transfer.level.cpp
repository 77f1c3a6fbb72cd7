// The strips of grid_transfer_level.h, compiled once per CPU level.
#include "multigrid/winograd_products.h"

// After what opens the level's namespace.
#include "multigrid/grid_transfer_level.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

struct Place {
  std::int64_t image, row, column;  // of the first coarse point
};

LONGTAIL_INLINE Place place_of(const TransferShape& shape, std::int64_t index) {
  const std::int64_t across = (shape.width + 3) / 4, down = (shape.height + 3) / 4;
  const std::int64_t row = index / across;
  return {row / down, 2 * (row % down), 2 * (index - row * across)};
}

/// Where the points of a window of Size x Size lie, or zeros outside of the grid.
template <int Size>
struct Window {
  const float* point[Size][Size];

  LONGTAIL_INLINE Window(const float* x, std::int64_t image, std::int64_t height,
                         std::int64_t width, std::int64_t channels, std::int64_t top,
                         std::int64_t left) {
    for (int a = 0; a < Size; ++a) {
      for (int b = 0; b < Size; ++b) {
        const std::int64_t i = top + a, j = left + b;
        const bool inside = i >= 0 && i < height && j >= 0 && j < width;
        point[a][b] = inside ? x + ((image * height + i) * width + j) * channels : kZeros;
      }
    }
  }
};

/// Whether product k along an axis is 0 of three taps.
LONGTAIL_INLINE bool skipped_up(int taps, int k) { return taps == 3 && k == 0; }
LONGTAIL_INLINE bool skipped_down(int taps, int k) { return taps == 3 && k == 5; }

/// Which of the five values along an axis product k reads: d0 - d1, d1, d1 - d2, d2, d2 - d3.
LONGTAIL_INLINE int value_of(int k) { return k < 3 ? k : k - 1; }

/// 25 values of the 4 x 4 coarse points around a tile.
LONGTAIL_INLINE void coarse_values(const TransferShape& shape, const Place& place, const float* x,
                                   float* to, std::int64_t stride) {
  const Window<4> window(x, place.image, (shape.height + 1) / 2, (shape.width + 1) / 2,
                         shape.coarse, place.row - 1, place.column - 1);
  each_channels(shape.coarse, [&](std::int64_t c, auto like) {
    using T = decltype(like);
    T half[5][4];
    for (int b = 0; b < 4; ++b) {
      const T d0 = load<T>(window.point[0][b] + c), d1 = load<T>(window.point[1][b] + c);
      const T d2 = load<T>(window.point[2][b] + c), d3 = load<T>(window.point[3][b] + c);
      half[0][b] = d0 - d1;
      half[1][b] = d1;
      half[2][b] = d1 - d2;
      half[3][b] = d2;
      half[4][b] = d2 - d3;
    }
    for (int a = 0; a < 5; ++a) {
      float* row = to + 5 * a * stride + c;
      store(row, half[a][0] - half[a][1]);
      store(row + stride, half[a][1]);
      store(row + 2 * stride, half[a][1] - half[a][2]);
      store(row + 3 * stride, half[a][2]);
      store(row + 4 * stride, half[a][2] - half[a][3]);
    }
  });
}

void up(const TransferStrip& strip, const float* x, const float* u, const float* add,
        const float* bias, float* memory, float* y) {
  const TransferShape& shape = *strip.shape;
  const std::int64_t in = rounded_channels(shape.coarse), out = rounded_channels(shape.fine);
  float* values = memory;
  float* products = memory + kCoarseValues * kTransferTiles * in;
  for (std::int64_t t = 0; t < strip.count; ++t) {
    coarse_values(shape, place_of(shape, strip.first + t), x, values + t * in, kTransferTiles * in);
  }
  const std::int64_t tiles = whole_rows(strip.count);
  for (int a = 0; a < 6; ++a) {
    for (int b = 0; b < 6; ++b) {
      if (skipped_up(shape.taps, a) || skipped_up(shape.taps, b)) continue;  // zeros stay
      const int f = 6 * a + b, v = 5 * value_of(a) + value_of(b);
      multiply(tiles, shape.coarse, shape.fine, in, out, values + v * kTransferTiles * in,
               u + f * shape.coarse * out, products + f * kTransferTiles * out);
    }
  }
  const std::int64_t stride = kTransferTiles * out;
  for (std::int64_t t = 0; t < strip.count; ++t) {
    const Place place = place_of(shape, strip.first + t);
    const float* m = products + t * out;
    each_channels(shape.fine, [&](std::int64_t c, auto like) {
      using T = decltype(like);
      // Fine points of an axis: even, odd, even, odd.
      T half[4][6];
      for (int b = 0; b < 6; ++b) {
        const auto at = [&](int a) { return load<T>(m + (6 * a + b) * stride + c); };
        const T even = at(1), odd = at(4);
        half[0][b] = at(0) + even;
        half[1][b] = at(3) + odd;
        half[2][b] = even - at(2);
        half[3][b] = odd - at(5);
      }
      const T start = bias ? load<T>(bias + c) : T(0.f);
      for (int a = 0; a < 4; ++a) {
        const std::int64_t i = 2 * place.row + a;
        if (i >= shape.height) break;
        const T* h = half[a];
        const T result[4] = {h[0] + h[1] + start, h[3] + h[4] + start, h[1] - h[2] + start,
                             h[4] - h[5] + start};
        const std::int64_t first =
            ((place.image * shape.height + i) * shape.width + 2 * place.column) * shape.fine + c;
        for (int b = 0; b < 4 && 2 * place.column + b < shape.width; ++b) {
          const std::int64_t at = first + b * shape.fine;
          store(y + at, add ? result[b] + load<T>(add + at) : result[b]);
        }
      }
    });
  }
}

/// 36 values of the 6 x 6 fine points that two coarse ones an axis meet.
LONGTAIL_INLINE void fine_values(const TransferShape& shape, const Place& place, const float* x,
                                 float* to, std::int64_t stride) {
  const Window<6> window(x, place.image, shape.height, shape.width, shape.fine, 2 * place.row - 1,
                         2 * place.column - 1);
  each_channels(shape.fine, [&](std::int64_t c, auto like) {
    using T = decltype(like);
    T half[6][6];
    for (int b = 0; b < 6; ++b) {
      const auto at = [&](int a) { return load<T>(window.point[a][b] + c); };
      const T odd = at(2), even = at(3);
      half[0][b] = at(0) - odd;
      half[1][b] = odd;
      half[2][b] = odd - at(4);
      half[3][b] = at(1) - even;
      half[4][b] = even;
      half[5][b] = even - at(5);
    }
    for (int a = 0; a < 6; ++a) {
      const T* h = half[a];
      float* row = to + 6 * a * stride + c;
      store(row, h[0] - h[2]);
      store(row + stride, h[2]);
      store(row + 2 * stride, h[2] - h[4]);
      store(row + 3 * stride, h[1] - h[3]);
      store(row + 4 * stride, h[3]);
      store(row + 5 * stride, h[3] - h[5]);
    }
  });
}

void down(const TransferStrip& strip, const float* x, const float* u, float* memory, float* y) {
  const TransferShape& shape = *strip.shape;
  const std::int64_t in = rounded_channels(shape.fine), out = rounded_channels(shape.coarse);
  float* values = memory;
  float* sums = memory + kProducts * kTransferTiles * in;
  for (std::int64_t t = 0; t < strip.count; ++t) {
    fine_values(shape, place_of(shape, strip.first + t), x, values + t * in, kTransferTiles * in);
  }
  const std::int64_t tiles = whole_rows(strip.count);
  for (int a = 0; a < 6; ++a) {
    for (int b = 0; b < 6; ++b) {
      if (skipped_down(shape.taps, a) || skipped_down(shape.taps, b)) continue;
      const float* v = values + (6 * a + b) * kTransferTiles * in;
      const float* w = u + (6 * a + b) * shape.fine * out;
      float* sum = sums + (3 * (a % 3) + b % 3) * kTransferTiles * out;
      if (a < 3 && b < 3) {
        multiply(tiles, shape.fine, shape.coarse, in, out, v, w, sum);
      } else {
        multiply<true>(tiles, shape.fine, shape.coarse, in, out, v, w, sum);
      }
    }
  }
  const std::int64_t stride = kTransferTiles * out;
  const std::int64_t height = (shape.height + 1) / 2, width = (shape.width + 1) / 2;
  for (std::int64_t t = 0; t < strip.count; ++t) {
    const Place place = place_of(shape, strip.first + t);
    const float* m = sums + t * out;
    each_channels(shape.coarse, [&](std::int64_t c, auto like) {
      using T = decltype(like);
      T half[2][3];
      for (int b = 0; b < 3; ++b) {
        const T middle = load<T>(m + (3 + b) * stride + c);
        half[0][b] = load<T>(m + b * stride + c) + middle;
        half[1][b] = middle - load<T>(m + (6 + b) * stride + c);
      }
      for (int a = 0; a < 2 && place.row + a < height; ++a) {
        float* to =
            y + ((place.image * height + place.row + a) * width + place.column) * shape.coarse + c;
        store(to, half[a][0] + half[a][1]);
        if (place.column + 1 < width) store(to + shape.coarse, half[a][1] - half[a][2]);
      }
    });
  }
}

/// What 36 products of a tile get of its 4 x 4 fine points.
LONGTAIL_INLINE void fine_gradients(const TransferShape& shape, const Place& place, const float* x,
                                    float* to, std::int64_t stride) {
  const Window<4> window(x, place.image, shape.height, shape.width, shape.fine, 2 * place.row,
                         2 * place.column);
  each_channels(shape.fine, [&](std::int64_t c, auto like) {
    using T = decltype(like);
    T half[6][4];
    for (int b = 0; b < 4; ++b) {
      const auto at = [&](int a) { return load<T>(window.point[a][b] + c); };
      const T even0 = at(0), odd0 = at(1), even1 = at(2), odd1 = at(3);
      half[0][b] = even0;
      half[1][b] = even0 + even1;
      half[2][b] = -even1;
      half[3][b] = odd0;
      half[4][b] = odd0 + odd1;
      half[5][b] = -odd1;
    }
    for (int a = 0; a < 6; ++a) {
      const T* h = half[a];
      float* row = to + 6 * a * stride + c;
      store(row, h[0]);
      store(row + stride, h[0] + h[2]);
      store(row + 2 * stride, -h[2]);
      store(row + 3 * stride, h[1]);
      store(row + 4 * stride, h[1] + h[3]);
      store(row + 5 * stride, -h[3]);
    }
  });
}

void weight(const TransferStrip& strip, const float* coarse, const float* fine, float* memory,
            float* du) {
  const TransferShape& shape = *strip.shape;
  const std::int64_t in = rounded_channels(shape.coarse), out = rounded_channels(shape.fine);
  float* values = memory;
  float* gradients = memory + kCoarseValues * kTransferTiles * in;
  for (std::int64_t t = 0; t < strip.count; ++t) {
    const Place place = place_of(shape, strip.first + t);
    coarse_values(shape, place, coarse, values + t * in, kTransferTiles * in);
    fine_gradients(shape, place, fine, gradients + t * out, kTransferTiles * out);
  }
  for (int a = 0; a < 6; ++a) {
    for (int b = 0; b < 6; ++b) {
      if (skipped_up(shape.taps, a) || skipped_up(shape.taps, b)) continue;
      const int f = 6 * a + b, v = 5 * value_of(a) + value_of(b);
      add_outer(strip.count, shape.coarse, shape.fine, in, out, values + v * kTransferTiles * in,
                gradients + f * kTransferTiles * out, du + f * in * out);
    }
  }
}

}  // namespace

const TransferKernels kTransferKernels = {&up, &down, &weight};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
