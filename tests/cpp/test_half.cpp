// float16 and bfloat16: every bit pattern to double, and rounding at every midpoint.
#include "core/half.h"

#include <cmath>
#include <limits>

#include "test.h"

namespace {

using longtail::bfloat16;
using longtail::float16;

// The value of a bit pattern by the definition of the format.
template <class Half>
double reference(int bits, int mantissa_bits) {
  const int exponent_bits = 15 - mantissa_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const int exponent = (bits & 0x7fff) >> mantissa_bits;
  const double sign = bits & 0x8000 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa == 0 ? sign * INFINITY : std::nan("");
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}

template <class Half>
void check_every_pattern(int mantissa_bits) {
  for (int bits = 0; bits < 1 << 16; ++bits) {
    const auto half = Half::from_bits(static_cast<std::uint16_t>(bits));
    const double wide = static_cast<double>(half);
    const double expected = reference<Half>(bits, mantissa_bits);
    if (std::isnan(expected)) {
      CHECK(std::isnan(wide));
      CHECK(std::isnan(static_cast<double>(Half(wide))));
    } else {
      CHECK_EQUAL(wide, expected);
      CHECK_EQUAL(std::signbit(wide), std::signbit(expected));
      CHECK_EQUAL(Half(wide).bits, bits);
    }
  }
}

// Between neighbours a < b: the midpoint goes to the even one, anything off it to the nearer one.
template <class Half>
void check_every_midpoint() {
  for (int bits = 0; bits < Half::kInf; ++bits) {
    const double a = static_cast<double>(Half::from_bits(static_cast<std::uint16_t>(bits)));
    // Beyond the largest finite value the format goes on as if it had one more binade.
    const double below = static_cast<double>(Half::from_bits(static_cast<std::uint16_t>(bits - 1)));
    const bool last = bits + 1 == Half::kInf;
    const double b =
        last ? a + (a - below)
             : static_cast<double>(Half::from_bits(static_cast<std::uint16_t>(bits + 1)));
    const double middle = a + (b - a) / 2;
    const int even = bits % 2 == 0 ? bits : bits + 1;
    for (const double sign : {1.0, -1.0}) {
      const int sign_bit = sign < 0 ? 0x8000 : 0;
      CHECK_EQUAL(Half(sign * middle).bits, even | sign_bit);
      CHECK_EQUAL(Half(sign * std::nextafter(middle, a)).bits, bits | sign_bit);
      CHECK_EQUAL(Half(sign * std::nextafter(middle, b)).bits, (bits + 1) | sign_bit);
    }
  }
}

TEST(float16_patterns) { check_every_pattern<float16>(10); }
TEST(bfloat16_patterns) { check_every_pattern<bfloat16>(7); }
TEST(float16_midpoints) { check_every_midpoint<float16>(); }
TEST(bfloat16_midpoints) { check_every_midpoint<bfloat16>(); }

TEST(extremes) {
  using limits = std::numeric_limits<double>;
  for (const double huge : {1e300, limits::max(), limits::infinity()}) {
    CHECK_EQUAL(float16(huge).bits, float16::kInf);
    CHECK_EQUAL(bfloat16(-huge).bits, 0x8000 | bfloat16::kInf);
  }
  for (const double tiny : {0.0, limits::denorm_min(), limits::min(), 1e-300}) {
    CHECK_EQUAL(float16(tiny).bits, 0);
    CHECK_EQUAL(bfloat16(-tiny).bits, 0x8000);
  }
}

TEST(rounds_once) {
  // Just above a midpoint by less than float can tell: through float it would fall on the midpoint
  // and from there to the even neighbour below.
  const double value = 1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40);
  CHECK_EQUAL(float16(value).bits, 0x3c01);
  CHECK_EQUAL(float16(static_cast<float>(value)).bits, 0x3c00);
}

}  // namespace
