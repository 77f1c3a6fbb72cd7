// Discretisation on every level: angles, and (e^z - 1) / z near 0 and far from it, beside long
// double.
#include "longconv/s4d_math.h"
#include "test.h"

#include <cmath>
#include <complex>

namespace {

using namespace longtail;
using D = native<double>;

TEST(angles) {
  double worst = 0;
  for (int i = -4000; i <= 4000; ++i) {
    const double y = 0.01 * i * (1 + std::abs(i) * 0.02) + 1e-3;
    const longconv::Angle<D> found = longconv::angle(D(y));
    const double scale = 1 + std::abs(y);
    worst = std::fmax(worst, std::abs(lane(found.cos, 0) - std::cos(y)) / scale);
    worst = std::fmax(worst, std::abs(lane(found.sin, 0) - std::sin(y)) / scale);
    const double half = std::sin(y / 2);
    worst = std::fmax(worst, std::abs(lane(found.versine, 0) - 2 * half * half) / scale);
  }
  CHECK(worst < 4e-16);
  CHECK(lane(longconv::angle(D(0.0)).sin, 0) == 0.0);
  CHECK(std::isnan(lane(longconv::angle(D(__builtin_nan(""))).cos, 0)));
  CHECK(std::abs(lane(longconv::angle(D(1e300)).cos, 0)) <= 2.0);
}

/// (e^z - 1) / z by its series with as many terms as a small z asks for.
std::complex<long double> series(std::complex<long double> z) {
  std::complex<long double> sum = 0, term = 1;
  for (int k = 1; k < 60; ++k) {
    sum += term;
    term *= z / static_cast<long double>(k + 1);
  }
  return sum;
}

TEST(zero_order_hold) {
  double worst = 0;
  for (int i = 0; i < 2000; ++i) {
    const double size = std::exp(-12 + 0.0068 * i), phase = 0.37 * i;
    const double re = -size * std::abs(std::cos(phase)), im = size * std::sin(phase);
    const longconv::Discrete<D> found = longconv::zero_order_hold(D(0.5), {D(2 * re), D(2 * im)});
    const std::complex<long double> z(re, im);
    const std::complex<long double> a = std::exp(z), b = series(z) * 0.5L;
    const double scale = 1 + size;
    worst = std::fmax(worst, std::abs(static_cast<double>(lane(found.a.re, 0) - a.real())) / scale);
    worst = std::fmax(worst, std::abs(static_cast<double>(lane(found.a.im, 0) - a.imag())) / scale);
    worst = std::fmax(worst, std::abs(static_cast<double>(lane(found.b.re, 0) - b.real())) / scale);
    worst = std::fmax(worst, std::abs(static_cast<double>(lane(found.b.im, 0) - b.imag())) / scale);
  }
  CHECK(worst < 4e-16);
  const longconv::Discrete<D> still = longconv::zero_order_hold(D(0.5), {D(0.0), D(0.0)});
  CHECK(lane(still.a.re, 0) == 1 && lane(still.b.re, 0) == 0.5 && lane(still.b.im, 0) == 0);
}

TEST(bilinear) {
  const longconv::Discrete<D> found = longconv::bilinear(D(0.5), {D(-4.0), D(8.0)});
  const std::complex<double> half(-1, 2);
  const std::complex<double> a = (1.0 + half) / (1.0 - half), b = 0.5 / (1.0 - half);
  CHECK(std::abs(lane(found.a.re, 0) - a.real()) < 3e-16);
  CHECK(std::abs(lane(found.a.im, 0) - a.imag()) < 3e-16);
  CHECK(std::abs(lane(found.b.re, 0) - b.real()) < 3e-16);
  CHECK(std::abs(lane(found.b.im, 0) - b.imag()) < 3e-16);
}

}  // namespace
