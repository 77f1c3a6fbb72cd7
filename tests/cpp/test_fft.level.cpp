// The transforms of long convolutions on one level: small ones against their sums, squares of
// lanes, and whole products in the ring x^(2 N) = -1 against sums over all pairs.
#include "longconv/fft_passes.h"

// After what opens the level's namespace.
#include <cmath>
#include <vector>

#include "core/buffer.h"
#include "errors.h"
#include "longconv/fft_level.h"
#include "test.h"

namespace longtail::longconv {
namespace {

constexpr double kPi = 3.14159265358979323846;

template <int R, class S>
void check_small() {
  test::Random random(R);
  Complex<S> z[R], given[R];
  for (int r = 0; r < R; ++r) {
    z[r] = given[r] = {S(random.uniform(-1, 1)), S(random.uniform(-1, 1))};
  }
  Dft<R, 1, S>::run(z);
  for (int q = 0; q < R; ++q) {
    double re = 0, im = 0;
    for (int r = 0; r < R; ++r) {
      const double angle = 2 * kPi * (r * q % R) / R, c = std::cos(angle), s = -std::sin(angle);
      re += static_cast<double>(given[r].re) * c - static_cast<double>(given[r].im) * s;
      im += static_cast<double>(given[r].re) * s + static_cast<double>(given[r].im) * c;
    }
    const double bound = sizeof(S) == 4 ? 2e-6 : 4e-15;
    CHECK(std::abs(static_cast<double>(z[place<R>(q)].re) - re) < bound);
    CHECK(std::abs(static_cast<double>(z[place<R>(q)].im) - im) < bound);
  }
}

template <class S>
void check_all_small() {
  check_small<2, S>();
  check_small<3, S>();
  check_small<4, S>();
  check_small<5, S>();
  check_small<8, S>();
  check_small<16, S>();
}
TEST(small_transforms) {
  check_all_small<float>();
  check_all_small<double>();
}

template <class S>
void check_square() {
  using T = native<S>;
  constexpr int W = kLanes<T>;
  T v[W];
  for (int i = 0; i < W; ++i) {
    S row[W];
    for (int j = 0; j < W; ++j) row[j] = S(100 * i + j);
    v[i] = load<T>(row);
  }
  transpose(v);
  for (int i = 0; i < W; ++i) {
    for (int j = 0; j < W; ++j) CHECK_EQUAL(lane(v[i], j), S(100 * j + i));
  }
}
TEST(squares_of_lanes) {
  check_square<float>();
  check_square<double>();
}

template <class S>
const FftKernels<S>& kernels();
template <>
const FftKernels<float>& kernels() {
  return kFloatFft;
}
template <>
const FftKernels<double>& kernels() {
  return kDoubleFft;
}

// a b with x^(2 N) = -1.
std::vector<double> ring_product(const std::vector<double>& a, const std::vector<double>& b) {
  const std::size_t n = a.size();
  std::vector<double> y(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      (i + j < n ? y[i + j] : y[i + j - n]) += (i + j < n ? 1 : -1) * a[i] * b[j];
    }
  }
  return y;
}

template <class S>
std::vector<double> drawn(std::int64_t count, test::Random& random, S* to) {
  std::vector<double> wide(count);
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = S(random.uniform(-1, 1));
    wide[i] = static_cast<double>(to[i]);
  }
  return wide;
}

template <class S>
void check_near(const S* got, const std::vector<double>& want, std::size_t from,
                std::int64_t count) {
  double error = 0, size = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    error += std::pow(static_cast<double>(got[i]) - want[from + i], 2);
    size += want[from + i] * want[from + i];
  }
  CHECK(std::sqrt(error / size) < (sizeof(S) == 4 ? 4e-7 : 1e-14));
}

template <class S>
void check_product(std::int64_t n) {
  const FftKernels<S>& fft = kernels<S>();
  const FftPlan& plan = fft_plan<S>(n, fft.lanes);
  const Buffer memory(16 * n * std::int64_t{sizeof(S)});
  S* a = memory.as<S>();
  S *b = a + 2 * n, *work = b + 2 * n, *first = work + 2 * n, *second = first + 2 * n;
  S *third = second + 2 * n, *out = third + 2 * n;
  test::Random random(static_cast<std::uint64_t>(n));
  // All 2 N numbers on both sides by transform, multiply and inverse.
  std::vector<double> left = drawn(2 * n, random, a), right = drawn(2 * n, random, b);
  const std::vector<double> both = ring_product(left, right);
  fft.transform(plan, a, a + n, S(1), work, first);
  fft.transform(plan, b, b + n, S(1) / S(n), work, second);
  fft.multiply(n, first, second, third);
  fft.inverse(plan, third, work, out, out + n);
  check_near(out, both, 0, 2 * n);
  // A row, whose other half is zero, in one go; with and without the second half of the result.
  std::fill(left.begin() + n, left.end(), 0);
  const std::vector<double> row = ring_product(left, right);
  fft.convolve(plan, a, second, work, out, out + n, b);
  check_near(out, row, 0, 2 * n);
  fft.convolve(plan, a, second, work, out, nullptr, nullptr);
  check_near(out, row, 0, n);
}

TEST(products_in_the_ring) {
  const std::int64_t sizes[] = {1, 2, 3, 4, 5, 6, 8, 12, 16, 20, 32, 48};
  for (const std::int64_t size : sizes) {
    const std::int64_t lanes = kernels<float>().lanes, wide = kernels<double>().lanes;
    const std::int64_t most = test::kEmulated ? 512 : 4096;
    // The smallest plans of each shape; one pass at least.
    if (size > 1 && size * lanes * lanes <= most) check_product<float>(size * lanes * lanes);
    if (size > 1 && size * wide * wide <= most) check_product<double>(size * wide * wide);
  }
}

TEST(sizes_that_plans_have) {
  for (const int lanes : {1, 4, 16}) {
    std::int64_t before = 0;
    for (std::int64_t least = 1; least < 100000; least = least * 5 / 4 + 1) {
      const std::int64_t size = fft_size(least, lanes);
      CHECK(size >= least && size >= 2 * lanes * lanes && size >= before);
      CHECK(size <= std::max<std::int64_t>(4 * lanes * lanes, least * 4 / 3 + 1));
      CHECK_EQUAL(fft_size(size, lanes), size);
      before = size;
    }
  }
}

}  // namespace
}  // namespace longtail::longconv
