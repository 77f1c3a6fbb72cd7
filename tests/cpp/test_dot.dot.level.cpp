// Dot products of small integers on every level: exact at the extremes of their codes.
#include "attention/dot.h"

#include "errors.h"
#include "test.h"

namespace longtail::attention {
namespace {

// A 32-bit lane's worth of codes at `at`, offset as stored.
void store_plain(Element* at, const int* codes, int offset) {
  for (int g = 0; g < kGroup; ++g) at[g] = static_cast<Element>(codes[g] + offset);
}

TEST(keys_times_query) {
  test::Random random(1);
  for (int round = 0; round < 200; ++round) {
    // Every other round has extreme codes only, where saturating instructions go wrong.
    const auto code = [&] {
      if (round % 2 == 0) return random.next() % 2 == 0 ? -127 : 127;
      return static_cast<int>(random.next() % 255) - 127;
    };
    Element keys[kWidth * kGroup], query[kGroup];
    int key_codes[kWidth][kGroup], query_codes[kGroup], sum_of_query = 0;
    for (int& q : query_codes) sum_of_query += q = code();
    store_plain(query, query_codes, 0);
    for (int l = 0; l < kWidth; ++l) {
      for (int& k : key_codes[l]) k = code();
      store_plain(keys + l * kGroup, key_codes[l], kKeyOffset);
    }
    const Sums sums =
        dot_keys(Sums(5 - kKeyOffset * sum_of_query), load_dot(keys), load_word(query));
    for (int l = 0; l < kWidth; ++l) {
      std::int32_t expected = 5;
      for (int g = 0; g < kGroup; ++g) expected += key_codes[l][g] * query_codes[g];
      std::int32_t lanes[kWidth];
      __builtin_memcpy(lanes, &sums, sizeof(lanes));
      CHECK_EQUAL(lanes[l], expected);
    }
  }
}

TEST(values_times_weights) {
  test::Random random(2);
  for (int round = 0; round < 200; ++round) {
    Element values[kWidth * kGroup], weights[kGroup];
    int value_codes[kWidth][kGroup], weight_codes[kGroup];
    for (int& w : weight_codes) w = round % 2 == 0 ? 255 : static_cast<int>(random.next() % 256);
    store_plain(weights, weight_codes, -kWeightOffset);
    for (int l = 0; l < kWidth; ++l) {
      for (int& v : value_codes[l]) {
        v = round % 2 == 0 ? (round % 4 == 0 ? -127 : 127)
                           : static_cast<int>(random.next() % 255) - 127;
      }
      store_plain(values + l * kGroup, value_codes[l], 0);
    }
    const Sums sums = dot_values(Sums(0), load_dot(values), load_word(weights));
    for (int l = 0; l < kWidth; ++l) {
      std::int32_t expected = 0, of_values = 0;
      for (int g = 0; g < kGroup; ++g) {
        expected += value_codes[l][g] * weight_codes[g];
        of_values += value_codes[l][g];
      }
      std::int32_t lanes[kWidth];
      __builtin_memcpy(lanes, &sums, sizeof(lanes));
      CHECK_EQUAL(lanes[l] + kWeightOffset * of_values, expected);
    }
  }
}

TEST(codes_round_to_nearest_even) {
  const float given[] = {0.0f, -0.5f, 0.5f,    1.5f,   2.5f,  -1.5f,  126.6f, 127.0f,
                         7.f,  -7.f,  -126.5f, -127.f, 99.5f, 100.5f, 3.49f,  -3.51f};
  const int expected[] = {0, 0, 0, 2, 2, -2, 127, 127, 7, -7, -126, -127, 100, 100, 3, -4};
  for (int first = 0; first + kWidth <= 16; first += kWidth) {
    Element codes[kWidth];
    store_codes(codes, load<Float>(given + first), kKeyOffset);
    for (int l = 0; l < kWidth; ++l) {
      CHECK_EQUAL(int(codes[l]), int(static_cast<Element>(expected[first + l] + kKeyOffset)));
    }
  }
}

}  // namespace
}  // namespace longtail::attention
