// E4M3: every bit pattern to float, rounding at every midpoint, saturation.
#include "core/e4m3.h"

#include <cmath>
#include <limits>

#include "test.h"

namespace {

using longtail::E4m3;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

int code(float x) { return E4m3(x).bits; }
float value(int bits) {
  return static_cast<float>(E4m3::from_bits(static_cast<std::uint8_t>(bits)));
}

// The value of a bit pattern by the definition of the format.
float reference(int bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  const float sign = bits & 0x80 ? -1.0f : 1.0f;
  if ((bits & 0x7f) == 0x7f) return std::nanf("");
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -6 - 3);
  return sign * std::ldexp(static_cast<float>(8 + mantissa), exponent - 7 - 3);
}

TEST(patterns) {
  for (int bits = 0; bits < 256; ++bits) {
    const float expected = reference(bits);
    if (std::isnan(expected)) {
      CHECK(std::isnan(value(bits)));
      CHECK_EQUAL(code(value(bits)), 0x7f);
    } else {
      CHECK_EQUAL(value(bits), expected);
      CHECK_EQUAL(std::signbit(value(bits)), std::signbit(expected));
      CHECK_EQUAL(code(expected), bits);
    }
  }
  CHECK_EQUAL(value(0x7e), 448);
  CHECK_EQUAL(value(0x01), 0x1p-9f);
}

// Between neighbours a < b: the midpoint goes to the even one, anything off it to the nearer one.
TEST(midpoints) {
  for (int bits = 0; bits < 0x7e; ++bits) {
    const float a = reference(bits), b = reference(bits + 1), middle = a + (b - a) / 2;
    const int even = bits % 2 == 0 ? bits : bits + 1;
    for (const float sign : {1.0f, -1.0f}) {
      const int sign_bit = sign < 0 ? 0x80 : 0;
      CHECK_EQUAL(code(sign * middle), even | sign_bit);
      CHECK_EQUAL(code(sign * std::nextafter(middle, a)), bits | sign_bit);
      CHECK_EQUAL(code(sign * std::nextafter(middle, b)), (bits + 1) | sign_bit);
    }
  }
}

TEST(extremes) {
  using limits = std::numeric_limits<float>;
  for (const float huge :
       {449.0f, 464.0f, 465.0f, 480.0f, 512.0f, 1e10f, limits::max(), kInfinity}) {
    CHECK_EQUAL(code(huge), 0x7e);
    CHECK_EQUAL(code(-huge), 0xfe);
  }
  for (const float tiny : {0.0f, limits::denorm_min(), limits::min(), 0x1p-10f}) {
    CHECK_EQUAL(code(tiny), 0);
    CHECK_EQUAL(code(-tiny), 0x80);
  }
  CHECK_EQUAL(code(std::nanf("")), 0x7f);
  CHECK_EQUAL(code(-std::nanf("")), 0x7f);
}

}  // namespace
