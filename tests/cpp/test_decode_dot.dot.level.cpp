// What decode multiplies by codes, on every level: packing keeps every value and the order, and
// sums are exact at the extremes, where instructions that saturate would go wrong.
#include "attention/decode_dot.h"

#include "errors.h"
#include "test.h"

namespace longtail::attention {
namespace {

int code_at(std::uint32_t word, int bits, int i) {
  return static_cast<int>(word >> (2 * bits * i) & ((1u << bits) - 1));
}

template <int Bits>
void check_dots(bool are_queries) {
  constexpr int lane = CodeFormat<Bits>::kPerLane, count = kPacked<Bits>;
  const int most = static_cast<int>(are_queries ? kLargestQuery<Bits> : kLargestWeight<Bits>);
  const int least = are_queries ? -most : 0;
  test::Random random(Bits);
  for (int round = 0; round < 200; ++round) {
    // Every other round has extremes only.
    const bool extreme = round % 2 == 0;
    const auto pick = [&](int low, int high) {
      const auto next = static_cast<unsigned>(random.next() >> 33);
      if (extreme) return next % 2 == 0 ? low : high;
      return low + static_cast<int>(next % static_cast<unsigned>(high - low + 1));
    };
    float values[count];
    for (float& x : values) x = static_cast<float>(pick(least, most));
    std::uint32_t words[kWide];
    for (std::uint32_t& word : words) {
      word = 0;
      for (int i = 0; i < 2 * lane; ++i) {
        word |= static_cast<std::uint32_t>(pick(0, (1 << Bits) - 1)) << code_shift<Bits>(i);
      }
    }
    I whole[lane];
    for (int i = 0; i < lane; ++i) whole[i] = nearest(load<F>(values + i * kWide));
    const I packed = are_queries ? pack_queries(whole) : pack_weights(whole);
    for (int j = 0; j < 2; ++j) {
      const I codes = codes_of<Bits>(load_int(words), j), sum(-7);
      const I dots = are_queries ? dot_queries<Bits>(sum, codes, packed)
                                 : dot_weights<Bits>(sum, codes, packed);
      std::int32_t got[kWide];
      store_int(got, dots);
      for (int l = 0; l < kWide; ++l) {
        std::int32_t expected = -7;
        for (int i = 0; i < lane; ++i) {
          const int code = code_at(words[l] >> (Bits * j), Bits, i);
          expected += code * static_cast<int>(values[l * lane + i]);
        }
        CHECK_EQUAL(got[l], expected);
      }
    }
  }
}

TEST(queries) {
  check_dots<4>(true);
  check_dots<8>(true);
}
TEST(weights) {
  check_dots<4>(false);
  check_dots<8>(false);
}

TEST(ties_go_to_even) {
  const float values[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 126.5f, 254.5f};
  const int expected[] = {0, 2, 2, 0, -2, 126, 254};
  for (int i = 0; i < 7; ++i) {
    std::int32_t got[kWide];
    store_int(got, nearest(F(values[i])));
    CHECK_EQUAL(got[0], expected[i]);
  }
}

}  // namespace
}  // namespace longtail::attention
