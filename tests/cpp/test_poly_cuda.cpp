// The CUDA kernels of polynomial compositions, run on the CPU by simt/cuda_runtime.h, beside the
// CPU's; rows that leave the range of float32 among them.
#include <cmath>
#include <vector>

#include "cuda/rational/poly_kernels.cuh"
#include "rational/poly.h"
#include "test.h"

namespace {

using namespace longtail;
using rational::Poly;
using rational::PolySums;

constexpr Poly kPoly = {{0.7, -0.4, 1.3}, 0.2};
constexpr cuda::PolyParameters kParameters = {{0.7, -0.4, 1.3}, 0.2};
constexpr double kEps = 1e-6;

bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(a) + std::abs(b));
}

template <class E>
struct Data {
  std::vector<E> x, grad, y, dx, cuda_y, cuda_dx;

  explicit Data(std::int64_t size, std::int64_t columns)
      : x(size), grad(size), y(size), dx(size), cuda_y(size), cuda_dx(size) {
    for (std::int64_t i = 0; i < size; ++i) {
      const double scale = i / columns % 3 == 1 ? 1e7 : 1.5;  // every third row is large
      x[i] = static_cast<E>(scale * std::sin(1.0 + i));
      grad[i] = static_cast<E>(std::cos(0.3 * i));
    }
  }
  void check(const PolySums& sums, const std::vector<double>& partial, double tolerance) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(near(static_cast<double>(cuda_y[i]), static_cast<double>(y[i]), tolerance));
      CHECK(near(static_cast<double>(cuda_dx[i]), static_cast<double>(dx[i]), tolerance));
    }
    for (std::size_t k = 0; k < 4; ++k) {
      double sum = 0;
      for (std::size_t b = k; b < partial.size(); b += 4) sum += partial[b];
      CHECK(near(sum, sums[k], 100 * tolerance));
    }
  }
};

template <class E>
void compare_norm(DType dtype, double tolerance) {
  for (const auto& [rows, columns] : {std::pair{7, 33}, std::pair{3, 1000}, std::pair{1, 1}}) {
    Data<E> data(std::int64_t{rows} * columns, columns);
    rational::poly_norm(kPoly, kEps, rows, columns, dtype, data.x.data(), data.y.data());
    const PolySums sums = rational::poly_norm_backward(
        kPoly, kEps, rows, columns, dtype, data.grad.data(), data.x.data(), data.dx.data());
    const unsigned blocks = rows > 1 ? 2 : 1;  // fewer than rows: a block takes several
    std::vector<double> partial(blocks * 4, 0.0);
    simt::launch({blocks, 1, 1}, cuda::kPolyThreads, [&] {
      cuda::poly_norm_forward<E>(&kParameters, kEps, rows, columns, data.x.data(),
                                 data.cuda_y.data());
    });
    simt::launch({blocks, 1, 1}, cuda::kPolyThreads, [&] {
      cuda::poly_norm_backward<E>(&kParameters, kEps, rows, columns, data.grad.data(),
                                  data.x.data(), data.cuda_dx.data(), partial.data());
    });
    data.check(sums, partial, tolerance);
  }
}

template <class E>
void compare_relu(DType dtype, double tolerance) {
  for (const std::int64_t count : {1, 255, 20000}) {
    Data<E> data(count, count + 1);
    rational::poly_relu(kPoly, count, dtype, data.x.data(), data.y.data());
    const PolySums sums = rational::poly_relu_backward(kPoly, count, dtype, data.grad.data(),
                                                       data.x.data(), data.dx.data());
    const auto blocks =
        static_cast<unsigned>((count + cuda::kPolyStretch - 1) / cuda::kPolyStretch);
    std::vector<double> partial(blocks * 4, 0.0);
    simt::launch({blocks, 1, 1}, cuda::kPolyThreads, [&] {
      cuda::poly_relu_forward<E>(&kParameters, count, data.x.data(), data.cuda_y.data());
    });
    simt::launch({blocks, 1, 1}, cuda::kPolyThreads, [&] {
      cuda::poly_relu_backward<E>(&kParameters, count, data.grad.data(), data.x.data(),
                                  data.cuda_dx.data(), partial.data());
    });
    data.check(sums, partial, tolerance);
  }
}

TEST(norm_float64) { compare_norm<double>(DType::float64, 1e-11); }
TEST(norm_float32) { compare_norm<float>(DType::float32, 1e-4); }
TEST(relu_float64) { compare_relu<double>(DType::float64, 1e-11); }
TEST(relu_float32) { compare_relu<float>(DType::float32, 1e-4); }

}  // namespace
