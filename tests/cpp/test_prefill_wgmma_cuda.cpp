// Quantised attention by wgmma, run on the CPU by simt/async.h: what its tiles, its ring and its
// two warpgroups add to the cases of test_prefill_cuda.cpp.
#include "prefill_cuda_compare.h"

namespace {

using namespace prefill_case;

void compare(const Case& c) { prefill_case::compare(c, PrefillPath::wgmma); }

TEST(lengths) {
  for (const auto& [rows, keys] :
       {std::pair{1, 193}, {63, 1}, {65, 127}, {127, 63}, {193, 65}, {300, 128}}) {
    compare({.rows = rows, .keys = keys, .options = options(Codes::int4)});
  }
  // More tiles than the ring has places, and a second block of rows.
  compare({.rows = 193, .keys = 600, .channels = 40, .options = options(Codes::int8)});
  compare({.rows = 5, .keys = 0, .options = options(Codes::int8)});
}

TEST(channels) {
  for (const auto& [channels, value_channels] :
       {std::pair{1, 3}, {40, 64}, {80, 40}, {128, 128}, {200, 17}, {72, 256}, {256, 256}}) {
    compare({.rows = 130,
             .keys = 65,
             .channels = channels,
             .value_channels = value_channels,
             .options = options(channels == 200 ? Codes::q8k4 : Codes::int8)});
  }
  compare({.rows = 70,
           .keys = 400,
           .channels = 256,
           .value_channels = 256,
           .options = options(Codes::int4)});
}

TEST(causal) {
  for (const Causal causal : {Causal::top_left, Causal::bottom_right}) {
    for (const int channels : {64, 128, 256}) {
      for (const auto& [rows, keys] : {std::pair{193, 130}, std::pair{65, 300}}) {
        Case c{.rows = rows, .keys = keys, .channels = channels, .options = options(Codes::int4)};
        c.options.causal = causal;
        compare(c);
      }
    }
  }
}

/// The largest codes everywhere: sums of products reach their bounds.
TEST(largest_codes) {
  for (const int channels : {64, 256}) {
    const Case c{
        .rows = 3, .keys = 70, .channels = channels, .options = options(Codes::int8, Smooth::none)};
    Data data(c);
    std::fill(data.q.begin(), data.q.end(), 0.5f);
    std::fill(data.k.begin(), data.k.end(), -0.25f);
    const OnFibres got(data, PrefillPath::wgmma, true);
    const Expected wanted = expected(data, got, cuda::kKeyTile);
    check_near(got.out, wanted.out, 2e-5, &wanted.slack);
  }
}

/// Each packed sequence as if it were alone, to the bit.
TEST(packed_sequences) {
  for (const Causal causal : {Causal::none, Causal::bottom_right}) {
    Case c{.heads = 2,
           .rows = 200,
           .keys = 210,
           .options = options(Codes::int4),
           .row_ends = {0, 0, 130, 140, 140, 200},
           .key_ends = {0, 3, 70, 70, 80, 210}};
    c.options.causal = causal;
    const Data data(c);
    const OnFibres got(data, PrefillPath::wgmma, false);
    for (std::size_t s = 0; s + 1 < c.row_ends.size(); ++s) {
      const std::int64_t row = c.row_ends[s], key = c.key_ends[s];
      Case alone{.heads = 2,
                 .rows = c.row_ends[s + 1] - row,
                 .keys = c.key_ends[s + 1] - key,
                 .options = c.options};
      if (alone.rows == 0) continue;
      Data own(alone);
      const auto cut = [](std::vector<float>& to, const std::vector<float>& from, std::int64_t head,
                          std::int64_t all, std::int64_t first, std::int64_t length) {
        std::copy_n(from.data() + (head * all + first) * 64, length * 64,
                    to.data() + head * length * 64);
      };
      for (std::int64_t head = 0; head < c.heads; ++head) {
        cut(own.q, data.q, head, c.rows, row, alone.rows);
        if (head > 0) continue;
        cut(own.k, data.k, head, c.keys, key, alone.keys);
        cut(own.v, data.v, head, c.keys, key, alone.keys);
      }
      const OnFibres wanted(own, PrefillPath::wgmma, false);
      for (std::int64_t head = 0; head < c.heads; ++head) {
        for (std::int64_t r = 0; r < alone.rows; ++r) {
          const std::int64_t of = head * alone.rows + r, at = head * c.rows + row + r;
          CHECK(got.lse[at] == wanted.lse[of]);
          for (int i = 0; i < 64; ++i) CHECK(got.out[at * 64 + i] == wanted.out[of * 64 + i]);
        }
      }
    }
  }
}

}  // namespace
