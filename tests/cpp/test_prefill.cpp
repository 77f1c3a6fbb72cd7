// Quantised attention at the best level of the machine against attention written out in double, and
// under the sanitizers: odd sizes, masks, shared heads, packed sequences.
#include "attention/prefill.h"

#include <cmath>
#include <vector>

#include "test.h"

namespace {

using namespace longtail;
using namespace longtail::attention;

struct Sizes {
  std::int64_t heads, key_heads, rows, keys, channels, value_channels;
};
constexpr Sizes kSizes[] = {{1, 1, 1, 1, 1, 1},       {2, 1, 63, 65, 72, 40},
                            {4, 2, 130, 129, 64, 64}, {1, 1, 33, 257, 5, 3},
                            {1, 1, 7, 0, 8, 8},       {2, 2, 1, 300, 256, 256}};

std::vector<float> waves(std::int64_t count, double step) {
  std::vector<float> result(count);
  for (std::int64_t i = 0; i < count; ++i) result[i] = float(std::sin(0.3 + step * double(i)));
  return result;
}

// Contiguous [heads, length, channels].
struct Call {
  explicit Call(const Sizes& sizes)
      : sizes(sizes),
        q(waves(sizes.heads * sizes.rows * sizes.channels, 0.37)),
        k(waves(sizes.key_heads * sizes.keys * sizes.channels, 0.73)),
        v(waves(sizes.key_heads * sizes.keys * sizes.value_channels, 1.31)),
        out(sizes.heads * sizes.rows * sizes.value_channels),
        lse(sizes.heads * sizes.rows) {}

  Problem problem(const Options& options, std::span<const Sequence> sequences) const {
    const auto input = [](const std::vector<float>& of, std::int64_t length,
                          std::int64_t channels) {
      return InputHeads{reinterpret_cast<const std::byte*>(of.data()), 0, length * channels,
                        channels};
    };
    return {.dtype = DType::float32,
            .heads = sizes.heads,
            .key_heads = sizes.key_heads,
            .channels = sizes.channels,
            .value_channels = sizes.value_channels,
            .q = input(q, sizes.rows, sizes.channels),
            .k = input(k, sizes.keys, sizes.channels),
            .v = input(v, sizes.keys, sizes.value_channels),
            .mask = mask,
            .options = options,
            .sequences = sequences};
  }

  void run(const Options& options, std::span<const Sequence> sequences,
           const ParallelFor& parallel_for = {}) {
    quantised_attention(problem(options, sequences),
                        {reinterpret_cast<std::byte*>(out.data()), 0,
                         sizes.rows * sizes.value_channels, sizes.value_channels},
                        {lse.data(), 0, sizes.rows, 1}, parallel_for);
  }

  // Row i of head h over the keys that `sees(i, j)` allows, in double.
  template <class Sees>
  double exact(std::int64_t h, std::int64_t i, double scale, std::vector<double>& row,
               const Sees& sees) const {
    const std::int64_t of = h / (sizes.heads / sizes.key_heads);
    std::vector<double> scores(sizes.keys);
    double total = 0;
    row.assign(sizes.value_channels, 0);
    for (std::int64_t j = 0; j < sizes.keys; ++j) {
      if (!sees(i, j)) continue;
      double s = 0;
      for (std::int64_t c = 0; c < sizes.channels; ++c) {
        s += double(q[(h * sizes.rows + i) * sizes.channels + c]) *
             double(k[(of * sizes.keys + j) * sizes.channels + c]);
      }
      const double p = std::exp(s * scale);
      total += p;
      for (std::int64_t c = 0; c < sizes.value_channels; ++c) {
        row[c] += p * double(v[(of * sizes.keys + j) * sizes.value_channels + c]);
      }
    }
    for (double& x : row) x = total > 0 ? x / total : 0;
    return std::log(total);
  }

  Sizes sizes;
  std::vector<float> q, k, v, out, lse;
  Mask mask;
};

TEST(eight_bits_are_close_to_attention) {
  for (const Sizes& sizes : kSizes) {
    for (const Causal causal : {Causal::none, Causal::top_left, Causal::bottom_right}) {
      for (const bool strict : {false, true}) {
        Call call(sizes);
        Options options{.codes = Codes::int8, .causal = causal, .strict = strict};
        options.scale = float(1 / std::sqrt(double(sizes.channels)));
        options.rotate = strict;
        const Sequence whole{0, 0, sizes.rows, 0, sizes.keys};
        call.run(options, {&whole, 1});
        const std::int64_t shift = causal == Causal::bottom_right ? sizes.keys - sizes.rows : 0;
        const auto sees = [&](std::int64_t i, std::int64_t j) {
          return causal == Causal::none || j <= i + shift;
        };
        std::vector<double> row;
        for (std::int64_t h = 0; h < sizes.heads; ++h) {
          for (std::int64_t i = 0; i < sizes.rows; ++i) {
            const double lse = call.exact(h, i, options.scale, row, sees);
            const float got = call.lse[h * sizes.rows + i];
            CHECK(std::isinf(lse) ? got == float(lse) : std::abs(got - lse) < 0.02);
            for (std::int64_t c = 0; c < sizes.value_channels; ++c) {
              const std::int64_t at = (h * sizes.rows + i) * sizes.value_channels + c;
              CHECK(std::abs(call.out[at] - row[c]) < 0.03);
            }
          }
        }
      }
    }
  }
}

TEST(sinks_cost_their_block_nothing) {
  for (const Causal causal : {Causal::none, Causal::top_left}) {
    const Sizes sizes{2, 1, 150, 140, 20, 19};
    Call call(sizes);
    for (std::int64_t i = 0; i < sizes.heads * sizes.rows; ++i) call.q[i * sizes.channels] = 5;
    for (std::int64_t j = 0; j < sizes.keys; ++j) {
      const bool sink = j == 0 || j == 77 || j == 139;
      call.k[j * sizes.channels] = sink ? 8 : 0;
      if (!sink) continue;
      for (int c = 0; c < sizes.value_channels; ++c) call.v[j * sizes.value_channels + c] = 0;
    }
    Options options{.codes = Codes::int8, .smooth = Smooth::none, .causal = causal};
    options.scale = 0.25f;
    const Sequence whole{0, 0, sizes.rows, 0, sizes.keys};
    call.run(options, {&whole, 1});
    const auto sees = [&](std::int64_t i, std::int64_t j) {
      return causal == Causal::none || j <= i;
    };
    std::vector<double> row;
    double error = 0, size = 0;
    for (std::int64_t h = 0; h < sizes.heads; ++h) {
      for (std::int64_t i = 0; i < sizes.rows; ++i) {
        call.exact(h, i, options.scale, row, sees);
        for (std::int64_t c = 0; c < sizes.value_channels; ++c) {
          const double got = call.out[(h * sizes.rows + i) * sizes.value_channels + c];
          error += (got - row[c]) * (got - row[c]);
          size += row[c] * row[c];
        }
      }
    }
    CHECK(size > 0);
    CHECK(error < 0.03 * 0.03 * size);  // of codes; without the sinks' own precision all is lost
  }
}

TEST(masks_of_any_stride) {
  const Sizes sizes{2, 2, 9, 140, 16, 16};
  const Sequence whole{0, 0, sizes.rows, 0, sizes.keys};
  std::vector<unsigned char> shown(sizes.keys, 1);
  std::vector<float> added(sizes.keys, 0);
  for (std::int64_t j = 0; j < sizes.keys; ++j) {
    if (j % 3 == 0) shown[j] = 0, added[j] = -INFINITY;
  }
  Call boolean(sizes), number(sizes);
  boolean.mask = {Mask::Kind::boolean,
                  DType::uint8,
                  reinterpret_cast<const std::byte*>(shown.data()),
                  0,
                  0,
                  0,
                  1};
  number.mask = {Mask::Kind::number,
                 DType::float32,
                 reinterpret_cast<const std::byte*>(added.data()),
                 0,
                 0,
                 0,
                 1};
  boolean.run({.scale = 0.25f}, {&whole, 1});
  number.run({.scale = 0.25f}, {&whole, 1});
  CHECK(boolean.out == number.out);
  CHECK(boolean.lse == number.lse);
  Call unmasked(sizes);
  unmasked.run({.scale = 0.25f}, {&whole, 1});
  CHECK(unmasked.out != number.out);
}

TEST(sequences_and_threads) {
  const Sizes sizes{2, 1, 200, 300, 40, 24};
  const Sequence parts[] = {{0, 0, 131, 0, 150}, {0, 131, 0, 150, 3}, {0, 131, 69, 153, 147}};
  Call one(sizes), two(sizes);
  const Options options{.causal = Causal::bottom_right, .scale = 0.2f};
  one.run(options, parts);
  two.run(options, parts, [](auto begin, auto end, auto grain, const RangeTask& task) {
    for (auto at = begin; at < end; at += grain) task(at, std::min(end, at + grain));
  });
  CHECK(one.out == two.out);
  CHECK(one.lse == two.lse);
}

}  // namespace
