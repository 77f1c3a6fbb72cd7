// Pairs of doubles against 113-bit arithmetic, and log_dd within core/contract.h.
#include "core/contract.h"
#include "core/double_double.h"
#include "errors.h"
#include "quad.h"

namespace {

using longtail::Pair;
using test::quad;
using T = longtail::native<double>;
using DD = longtail::DoubleDouble<T>;

constexpr int kWidth = longtail::kLanes<T>;
constexpr int kVectors = (1 << (test::kEmulated ? 12 : 16)) / kWidth;

// A normalised pair in every lane, by a function that draws a value.
template <class Draw>
DD draw_pairs(test::Random& random, Draw draw) {
  double hi[kWidth], lo[kWidth];
  for (int i = 0; i < kWidth; ++i) {
    const double value = draw();
    const auto pair = longtail::two_sum(value, value * std::ldexp(random.uniform(-1, 1), -53));
    hi[i] = pair.hi;
    lo[i] = pair.lo;
  }
  return {longtail::load<T>(hi), longtail::load<T>(lo)};
}

quad exact(DD a, int i) { return quad(longtail::lane(a.hi, i)) + quad(longtail::lane(a.lo, i)); }

quad magnitude(quad a) { return a < 0 ? -a : a; }

// log2 of the largest relative error of `ours` over pairs of every size and sign.
template <class Ours, class Reference>
double worst_bits(Ours ours, Reference reference) {
  test::Random random(7);
  const auto draw = [&] {
    const double size = std::exp2(random.uniform(-60, 60));
    return random.next() % 2 ? size : -size;
  };
  quad worst = 0;
  for (int n = 0; n < kVectors; ++n) {
    const DD a = draw_pairs(random, draw), b = draw_pairs(random, draw);
    const DD result = ours(a, b);
    for (int i = 0; i < kWidth; ++i) {
      const quad want = reference(exact(a, i), exact(b, i));
      const quad error = magnitude((exact(result, i) - want) / want);
      if (!(error <= worst)) worst = error;
    }
  }
  return std::log2(double(worst));
}

TEST(arithmetic) {
  // u = 2^-53; the bounds of the article: 3 u^2, 2 u^2, 5 u^2, 2 u^2, 15 u^2.
  const auto bits = [](double multiple) { return std::log2(multiple) - 106; };
  CHECK(worst_bits([](DD a, DD b) { return a + b; }, [](quad a, quad b) { return a + b; }) <=
        bits(3));
  CHECK(worst_bits([](DD a, DD b) { return a - b; }, [](quad a, quad b) { return a - b; }) <=
        bits(3));
  CHECK(worst_bits([](DD a, DD b) { return a * b; }, [](quad a, quad b) { return a * b; }) <=
        bits(5));
  CHECK(worst_bits([](DD a, DD b) { return a / b; }, [](quad a, quad b) { return a / b; }) <=
        bits(15));
  CHECK(worst_bits([](DD a, DD b) { return a + b.hi * T(0.0) + a; },
                   [](quad a, quad) { return a + a; }) <= bits(5));
  CHECK(worst_bits([](DD a, DD) { return sqrt(a * a); },
                   [](quad a, quad) { return magnitude(a); }) <= bits(8));
}

TEST(addition_that_cancels) {
  const double eps = 0x1p-52;
  const longtail::DoubleDouble<double> one(1.0, eps * eps), other(1.0, -eps * eps);
  CHECK_EQUAL((one - other).hi, 2 * eps * eps);
  CHECK_EQUAL((one - other).lo, 0.0);
}

TEST(square_root_of_zero) {
  const auto root = sqrt(longtail::DoubleDouble<double>(0.0));
  CHECK_EQUAL(root.hi, 0.0);
  CHECK_EQUAL(root.lo, 0.0);
}

TEST(logarithm) {
  test::Random random(11);
  quad worst = 0;
  for (int n = 0; n < kVectors; ++n) {
    const DD x = draw_pairs(random, [&] {
      switch (random.next() % 4) {
        case 0:
          return std::exp2(random.uniform(-999.9, 999.9));
        case 1:
          return random.uniform(0.5, 2);
        case 2:
          return 1 + random.uniform(-0.5, 0.5) * std::exp2(random.uniform(-52, 0));
        default:
          return std::exp2(random.uniform(-10, 10));
      }
    });
    const DD y = longtail::log_dd(x);
    for (int i = 0; i < kWidth; ++i) {
      const quad above_one = (quad(longtail::lane(x.hi, i)) - 1) + quad(longtail::lane(x.lo, i));
      const quad want = magnitude(above_one) < 0.25 ? test::quad_math::log1p(above_one)
                                                    : test::quad_math::log(exact(x, i));
      if (want == 0) {
        CHECK(exact(y, i) == 0);
        continue;
      }
      const quad error = magnitude((exact(y, i) - want) / want);
      if (!(error <= worst)) worst = error;
    }
  }
  const double bits = std::log2(double(worst));
  std::cout << "  log_dd: largest relative error 2^" << bits << "\n";
  CHECK(bits <= longtail::contract::log_dd);
}

}  // namespace
