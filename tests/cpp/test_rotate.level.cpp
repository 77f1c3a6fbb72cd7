// The rotation of a short row against its definition and against the plain loop over stages.
#include "attention/rotate.h"

#include <cmath>

#include "errors.h"
#include "test.h"

namespace longtail::attention {
namespace {

constexpr int kLongest = 256;
constexpr int kGuard = 16;

// Entry (i, j) of Sylvester's matrix: -1 to the number of bits that i and j share.
double sylvester(int i, int j) { return __builtin_popcount(i & j) % 2 ? -1.0 : 1.0; }

void fill(float* row, int count, test::Random& random) {
  for (int i = 0; i < count; ++i) {
    row[i] = static_cast<float>(random.uniform(-1, 1) * std::exp2(random.uniform(-8, 8)));
  }
}

TEST(every_stage_rounds_like_the_plain_loop) {
  test::Random random(5);
  for (int n = 1; n <= kLongest; n *= 2) {
    for (int round = 0; round < 20; ++round) {
      float row[kLongest + kGuard], plain[kLongest + kGuard];
      fill(row, n + kGuard, random);
      for (int i = 0; i < n + kGuard; ++i) plain[i] = row[i];
      for (int h = 1; h < n; h *= 2) {
        float next[kLongest];
        for (int i = 0; i < n; ++i)
          next[i] = i & h ? plain[i - h] - plain[i] : plain[i] + plain[i + h];
        for (int i = 0; i < n; ++i) plain[i] = next[i];
      }
      rotate_row(row, n);
      for (int i = 0; i < n + kGuard; ++i) CHECK_EQUAL(row[i], plain[i]);  // and nothing past n
    }
  }
}

TEST(the_matrix_is_sylvesters) {
  for (int n = 1; n <= kLongest; n *= 2) {
    for (int j = 0; j < n; ++j) {
      float row[kLongest] = {};
      row[j] = 1;
      rotate_row(row, n);
      for (int i = 0; i < n; ++i) CHECK_EQUAL(row[i], sylvester(i, j));
    }
  }
}

TEST(zeros_keep_the_sign_of_the_plain_loop) {
  float row[64];
  for (int i = 0; i < 64; ++i) row[i] = i % 3 ? 0.0f : -0.0f;
  float plain[64];
  for (int i = 0; i < 64; ++i) plain[i] = row[i];
  for (int h = 1; h < 64; h *= 2) {
    float next[64];
    for (int i = 0; i < 64; ++i)
      next[i] = i & h ? plain[i - h] - plain[i] : plain[i] + plain[i + h];
    for (int i = 0; i < 64; ++i) plain[i] = next[i];
  }
  rotate_row(row, 64);
  for (int i = 0; i < 64; ++i) CHECK_EQUAL(std::signbit(row[i]), std::signbit(plain[i]));
}

}  // namespace
}  // namespace longtail::attention
