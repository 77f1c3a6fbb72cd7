// The distribution function of the standard normal, beside the C library's erfc in
// double.
#include "core/normal.h"

#include "errors.h"

namespace {

using namespace longtail;

double density(double u) { return std::exp(-u * u / 2) / std::sqrt(8 * std::atan(1.0)); }

// Errors in epsilon of `normal` at u, divided by what its header allows there.
template <class T>
double worst(double low, double high) {
  using S = scalar_t<T>;
  test::Random random(7);
  double result = 0;
  for (int i = 0; i < (test::kEmulated ? 1 << 12 : 1 << 17); ++i) {
    S lanes[kLanes<T>], below[kLanes<T>], bell[kLanes<T>];
    for (S& u : lanes) u = static_cast<S>(random.uniform(low, high));
    const Normal<T> at = normal(load<T>(lanes));
    store(below, at.below);
    store(bell, at.density);
    for (int l = 0; l < kLanes<T>; ++l) {
      const double u = lanes[l], exact = std::erfc(-u / std::sqrt(2.0)) / 2;
      const double room = std::max(1.0, u * u / 2) * double{Format<S>::epsilon};
      result = std::max(result, std::abs(below[l] - exact) / (room * exact));
      result = std::max(result, std::abs(bell[l] - density(u)) / (room * density(u)));
    }
  }
  return result;
}

TEST(floats) {
  CHECK(worst<native<float>>(-12, 12) < 4);
  CHECK(worst<float>(-12, 12) < 4);
}
// The library's own erfc and rounding of u / sqrt(2) are part of these.
TEST(doubles) {
  CHECK(worst<native<double>>(-30, 30) < 6);
  CHECK(worst<double>(-30, 30) < 6);
}
TEST(ends) {
  CHECK(std::abs(normal(0.0).below - 0.5) <= Format<double>::epsilon);
  CHECK_EQUAL(normal(50.0).below, 1.0);
  CHECK_EQUAL(normal(-50.0).below, 0.0);
  CHECK_EQUAL(normal(1e18f).below, 1.0f);
  CHECK_EQUAL(normal(-1e18f).below, 0.0f);
  CHECK(is_nan(normal(kNan<double>).below));
}

}  // namespace
