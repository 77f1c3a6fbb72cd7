// That per-level files are compiled with the flags and the name of their level.
#include <string>

#include "test.h"

#define NAME_OF(level) NAME_OF_EXPANDED(level)
#define NAME_OF_EXPANDED(level) #level

namespace {

const std::string kLevel = NAME_OF(LONGTAIL_LEVEL);

TEST(flags_fit_the_level) {
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
  CHECK_EQUAL(kLevel, "avx512");
#elif defined(__AVX2__) && defined(__FMA__)
  CHECK_EQUAL(kLevel, "avx2");
#elif defined(__SSE4_2__) || !defined(__aarch64__)
  CHECK_EQUAL(kLevel, "scalar");
#else
  CHECK(kLevel == "scalar" || kLevel == "neon");
#endif
}

TEST(nothing_is_contracted) {
  // a * b + c with a rounded product is 0; fused it is the rounding error of the product.
  volatile double a = 1 + 0x1p-30, b = 1 + 0x1p-30, c = -(1 + 0x1p-29);
  const double x = a, y = b, z = c;
  CHECK_EQUAL(x * y + z, 0.0);
}

}  // namespace
