// How values are packed for tensor cores with FP8 (ValueFormat::e4m3), on the CPU: every byte of
// every tile against the nearest number of the format, found by looking at all of them.
#include <cmath>
#include <cstring>
#include <vector>

#include "cuda/attention/prefill_run.cuh"
#include "test.h"

namespace {

using namespace longtail;
using cuda::PrefillPath, cuda::PrefillPlan;

struct Values {
  std::int64_t batch, heads, keys;
  int channels;
  bool smooth = true;
};

/// The nearest byte, to even on ties; 448 for what is larger.
int nearest(double x) {
  int best = 0;
  for (int bits = 0; bits < 0x7f; ++bits) {
    const double of = double{static_cast<float>(E4m3::from_bits(static_cast<std::uint8_t>(bits)))};
    const double to = double{static_cast<float>(E4m3::from_bits(static_cast<std::uint8_t>(best)))};
    const double mine = std::abs(std::abs(x) - of), other = std::abs(std::abs(x) - to);
    if (mine < other || (mine == other && bits % 2 == 0)) best = bits;
  }
  return best | (std::signbit(x) ? 0x80 : 0);
}

/// Where the layout has the byte of a key and channel, from the words of ValueFormat's comment.
std::int64_t place(int stored, std::int64_t tile, int key, int channel) {
  const int within = key % 16, thread = within % 8 / 2;
  const int slot = 4 * thread + (within >= 8 ? 2 : 0) + within % 2;
  const int chunk = key / 16 ^ (channel / 2 & 3);
  return (tile * stored + channel) * 64 + 16 * chunk + slot;
}

void check_values(const Values& of) {
  std::vector<float> v(of.batch * of.heads * of.keys * of.channels);
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double t = std::sin(0.3 + 12.9898 * static_cast<double>(i)) * 43758.5453;
    v[i] = static_cast<float>(std::exp2(8 * (t - std::floor(t)) - 4) * (i % 3 == 0 ? -1 : 1) + 2);
    // A channel of zeros, and one that is too small to have an inverse scale.
    if (i % of.channels == 1) v[i] = 0;
    if (i % of.channels == 2) v[i] *= 0x1p-130f;
  }
  std::vector<float> q(of.batch * of.heads * of.channels), hat(v.size());
  const auto tensor = [&](const std::vector<float>& data, std::int64_t length) {
    return cuda::PrefillTensor{data.data(), of.heads * length * of.channels, length * of.channels,
                               of.channels};
  };
  PrefillPlan plan{};
  plan.dtype = DType::float32;
  plan.q = tensor(q, 1);
  plan.k = plan.v = tensor(v, of.keys);
  plan.batch = of.batch, plan.heads = plan.key_heads = of.heads;
  plan.rows = 1, plan.keys = of.keys;
  plan.channels = plan.value_channels = of.channels;
  attention::Options options;
  options.smooth = of.smooth ? attention::Smooth::k : attention::Smooth::none;
  cuda::set_options(plan, options, PrefillPath::mma_fp8);
  CHECK(plan.value_format == cuda::ValueFormat::e4m3);
  Layout size;
  cuda::place_work(plan, size);
  std::vector<double> memory(size.size() / 8 + 8, std::nan(""));
  const auto base = reinterpret_cast<std::uintptr_t>(memory.data());
  Layout layout(reinterpret_cast<std::byte*>((base + 63) / 64 * 64));
  cuda::place_work(plan, layout);
  plan.v_hat = hat.data();
  cuda::prepare_prefill(
      plan, [](auto kernel, dim3 grid, unsigned threads, std::size_t shared, auto... arguments) {
        simt::launch(grid, threads, [&] { kernel(arguments...); }, shared);
      });

  const auto* bytes = static_cast<const unsigned char*>(plan.values);
  const std::int64_t tiles = (of.keys + 63) / 64;
  for (std::int64_t b = 0; b < of.batch; ++b) {
    for (std::int64_t h = 0; h < of.heads; ++h) {
      const float* from = v.data() + (b * of.heads + h) * of.keys * of.channels;
      for (int c = 0; c < plan.stored_channels; ++c) {
        float mean = 0, amax = 0;
        double sum = 0;
        for (std::int64_t key = 0; c < of.channels && key < of.keys; ++key) {
          sum += double{from[key * of.channels + c]};
        }
        if (of.smooth) mean = static_cast<float>(sum / static_cast<double>(of.keys));
        for (std::int64_t key = 0; c < of.channels && key < of.keys; ++key) {
          amax = std::max(amax, std::abs(from[key * of.channels + c] - mean));
        }
        const float inverse = amax >= 0x1p-118f ? 448 / amax : 0, scale = amax / 448;
        for (std::int64_t key = 0; key < 64 * tiles; ++key) {
          const bool there = key < of.keys && c < of.channels;
          const std::int64_t tile = (h * plan.key_tiles) + b * tiles + key / 64;
          const int got = bytes[place(plan.stored_channels, tile, static_cast<int>(key % 64), c)];
          const std::int64_t at = key * of.channels + c;
          const float x = there ? (from[at] - mean) * inverse : 0;
          CHECK_EQUAL(got, nearest(double{x}));
          if (!there) continue;
          const auto code = E4m3::from_bits(static_cast<std::uint8_t>(got));
          CHECK_EQUAL(hat[(b * of.heads + h) * of.keys * of.channels + at],
                      static_cast<float>(code) * scale + mean);
        }
      }
    }
  }
}

TEST(one_tile) { check_values({1, 1, 64, 64}); }
TEST(tails) {
  for (const std::int64_t keys : {1, 63, 65, 130}) check_values({1, 2, keys, 72});
  check_values({2, 2, 70, 200});
  check_values({1, 1, 33, 3});
}
TEST(not_smooth) { check_values({1, 1, 65, 128, false}); }

TEST(slots_and_keys) {
  for (int key = 0; key < 16; ++key) CHECK_EQUAL(cuda::value_key(cuda::value_slot(key)), key);
  for (int t = 0; t < 4; ++t) {
    for (int i = 0; i < 4; ++i)
      CHECK_EQUAL(cuda::value_key(4 * t + i), i < 2 ? 2 * t + i : 8 + 2 * t + i - 2);
  }
}

TEST(fours_are_in_the_order_of_their_bytes) {
  CHECK_EQUAL(cuda::e4m3_four(1, -2, 448, 0x1p-9f), 0x017ec038u);
}

}  // namespace
