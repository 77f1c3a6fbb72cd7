// Winograd's convolutions and transfers on one level beside loops over their definitions, with
// arrays exactly as long as they must be.
#include <algorithm>
#include <cmath>
#include <vector>

#include "errors.h"
#include "multigrid/grid_transfer.h"
#include "multigrid/winograd.h"
#include "this_level.h"

namespace longtail::multigrid {
namespace {

using Floats = std::vector<float>;
using Sums = std::vector<double>;

Floats random_floats(std::int64_t count, test::Random& random) {
  Floats result(count);
  for (float& each : result) each = static_cast<float>(random.uniform(-1, 1));
  return result;
}

/// In units of the largest sum, of which there must be a few; winograd.h promises 2e-6.
bool close(const Floats& got, const Sums& expected) {
  double apart = 0, largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double here = std::abs(static_cast<double>(got[i]) - expected[i]);
    if (!(here < INFINITY)) return false;
    apart = std::max(apart, here);
    largest = std::max(largest, std::abs(expected[i]));
  }
  return got.size() == expected.size() && apart <= 2e-6 * largest;
}

// Tasks from the end to the front, one item each.
const ParallelFor kBackwards = [](std::int64_t begin, std::int64_t end, std::int64_t,
                                  const RangeTask& task) {
  for (std::int64_t i = end - 1; i >= begin; --i) task(i, i + 1);
};

/// Calls visit(place in x, place in y, tap) for what a convolution of 3 x 3 taps adds up, places
/// without channels.
template <class Visit>
void each_product(const GridConvShape& shape, const Visit& visit) {
  for (std::int64_t n = 0; n < shape.batch; ++n) {
    for (std::int64_t i = 0; i < shape.height; ++i) {
      for (std::int64_t j = 0; j < shape.width; ++j) {
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t row = i + tap / 3 - 1, column = j + tap % 3 - 1;
          if (row < 0 || row >= shape.height || column < 0 || column >= shape.width) continue;
          const std::int64_t image = n * shape.height * shape.width;
          visit(image + row * shape.width + column, image + i * shape.width + j, tap);
        }
      }
    }
  }
}

const GridConvShape kConvShapes[] = {{2, 1, 1, 3, 2},   {2, 2, 3, 3, 2},    {1, 5, 7, 24, 24},
                                     {3, 6, 1, 1, 33},  {1, 13, 12, 40, 3}, {2, 9, 10, 5, 64},
                                     {1, 40, 41, 4, 4}, {1, 1, 67, 32, 31}};

}  // namespace

TEST(convolutions) {
  test::Random random(1);
  for (const GridConvShape& shape : kConvShapes) {
    const std::int64_t points = shape.batch * shape.height * shape.width;
    const std::int64_t in = shape.in, out = shape.out;
    const Floats x = random_floats(points * in, random), w = random_floats(9 * in * out, random);
    const Floats add = random_floats(points * out, random), bias = random_floats(out, random);
    for (const bool adjoint : {false, true}) {
      for (const bool more : {false, true}) {
        Sums expected(points * out, 0.0);
        for (std::int64_t i = 0; i < points * out && more; ++i) {
          expected[i] = static_cast<double>(add[i]) + static_cast<double>(bias[i % out]);
        }
        each_product(shape, [&](std::int64_t from, std::int64_t to, std::int64_t tap) {
          for (std::int64_t o = 0; o < out; ++o) {
            for (std::int64_t c = 0; c < in; ++c) {
              const float weight =
                  adjoint ? w[(c * out + o) * 9 + 8 - tap] : w[(o * in + c) * 9 + tap];
              expected[to * out + o] +=
                  static_cast<double>(weight) * static_cast<double>(x[from * in + c]);
            }
          }
        });
        const float* const a = more ? add.data() : nullptr;
        const float* const b = more ? bias.data() : nullptr;
        Floats y(points * out, NAN), other(points * out);
        grid_conv(shape, adjoint, x.data(), w.data(), a, b, y.data(), {});
        grid_conv(shape, adjoint, x.data(), w.data(), a, b, other.data(), kBackwards);
        CHECK(close(y, expected));
        CHECK(y == other);
      }
    }
  }
}

TEST(weights_of_convolutions) {
  test::Random random(2);
  for (const GridConvShape& shape : kConvShapes) {
    const std::int64_t points = shape.batch * shape.height * shape.width;
    const std::int64_t in = shape.in, out = shape.out;
    const Floats x = random_floats(points * in, random), grad = random_floats(points * out, random);
    Sums expected(9 * in * out, 0.0);
    each_product(shape, [&](std::int64_t from, std::int64_t to, std::int64_t tap) {
      for (std::int64_t o = 0; o < out; ++o) {
        for (std::int64_t c = 0; c < in; ++c) {
          expected[(o * in + c) * 9 + tap] +=
              static_cast<double>(grad[to * out + o]) * static_cast<double>(x[from * in + c]);
        }
      }
    });
    Floats dw(9 * in * out, NAN), other(9 * in * out);
    grid_conv_weight(shape, grad.data(), x.data(), dw.data(), {});
    grid_conv_weight(shape, grad.data(), x.data(), other.data(), kBackwards);
    CHECK(close(dw, expected));
    CHECK(dw == other);
  }
}

namespace {

/// Calls visit(coarse place, fine place, tap) for what a transfer adds up.
template <class Visit>
void each_pair(const TransferShape& shape, const Visit& visit) {
  const std::int64_t height = (shape.height + 1) / 2, width = (shape.width + 1) / 2;
  for (std::int64_t n = 0; n < shape.batch; ++n) {
    for (std::int64_t i = 0; i < height; ++i) {
      for (std::int64_t j = 0; j < width; ++j) {
        for (std::int64_t tap = 0; tap < shape.taps * shape.taps; ++tap) {
          const std::int64_t row = 2 * i + tap / shape.taps - 1;
          const std::int64_t column = 2 * j + tap % shape.taps - 1;
          if (row < 0 || row >= shape.height || column < 0 || column >= shape.width) continue;
          visit((n * height + i) * width + j, (n * shape.height + row) * shape.width + column, tap);
        }
      }
    }
  }
}

}  // namespace

TEST(transfers) {
  test::Random random(3);
  for (const int taps : {3, 4}) {
    for (const TransferShape& shape :
         {TransferShape{2, 1, 1, 3, 2, taps}, TransferShape{2, 2, 3, 2, 3, taps},
          TransferShape{1, 5, 8, 24, 24, taps}, TransferShape{1, 4, 30, 33, 1, taps},
          TransferShape{3, 7, 6, 5, 40, taps}, TransferShape{1, 37, 38, 3, 4, taps}}) {
      const std::int64_t fine = shape.batch * shape.height * shape.width;
      const std::int64_t coarse = shape.batch * ((shape.height + 1) / 2) * ((shape.width + 1) / 2);
      const std::int64_t c = shape.coarse, f = shape.fine, points = taps * taps;
      const Floats x = random_floats(coarse * c, random), z = random_floats(fine * f, random);
      const Floats w = random_floats(c * f * points, random), bias = random_floats(f, random);
      Sums up(fine * f, 0.0), down(coarse * c, 0.0), weight(c * f * points, 0.0), more = up;
      for (std::int64_t i = 0; i < fine * f; ++i) {
        more[i] = static_cast<double>(z[i]) + static_cast<double>(bias[i % f]);
      }
      each_pair(shape, [&](std::int64_t at, std::int64_t of, std::int64_t tap) {
        for (std::int64_t k = 0; k < c; ++k) {
          for (std::int64_t l = 0; l < f; ++l) {
            const double g = static_cast<double>(w[(k * f + l) * points + tap]);
            const double here = static_cast<double>(x[at * c + k]);
            const double there = static_cast<double>(z[of * f + l]);
            up[of * f + l] += g * here;
            more[of * f + l] += g * here;
            down[at * c + k] += g * there;
            weight[(k * f + l) * points + tap] += here * there;
          }
        }
      });
      for (const ParallelFor& order : {ParallelFor(), kBackwards}) {
        Floats got(fine * f, NAN);
        grid_up(shape, x.data(), w.data(), nullptr, nullptr, got.data(), order);
        CHECK(close(got, up));
        grid_up(shape, x.data(), w.data(), z.data(), bias.data(), got.data(), order);
        CHECK(close(got, more));
        got.assign(coarse * c, NAN);
        grid_down(shape, z.data(), w.data(), got.data(), order);
        CHECK(close(got, down));
        got.assign(c * f * points, NAN);
        grid_transfer_weight(shape, x.data(), z.data(), got.data(), order);
        CHECK(close(got, weight));
      }
    }
  }
}

}  // namespace longtail::multigrid
