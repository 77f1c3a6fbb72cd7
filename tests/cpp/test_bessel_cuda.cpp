// The element-wise CUDA kernel, run on the CPU by simt/cuda_runtime.h: strides, element types and
// both working precisions, beside the scalar code that it calls.
#include <array>
#include <cmath>
#include <vector>

#include "cuda/bessel/log_bessel.cuh"
#include "cuda/core/elementwise.cuh"
#include "test.h"

namespace {

using namespace longtail;
using bessel::Function;

template <class E>
std::span<std::byte> bytes(std::vector<E>& data) {
  return std::as_writable_bytes(std::span<E>(data));
}

// log I over a [rows, columns] view of v with swapped strides, x with a stride of 0 in rows.
template <class E, class Working>
void compare(DType dtype, double tolerance) {
  constexpr std::int64_t rows = 37, columns = 29, item = sizeof(E);
  std::vector<E> v(rows * columns), x(columns), out(rows * columns);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<E>(0.25 + 0.1 * (i % 311));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<E>(0.5 + 1.5 * i);
  const std::array<std::int64_t, 2> sizes = {rows, columns};
  const std::array<std::int64_t, 2> of_v = {item, rows * item}, of_x = {0, item};
  const std::array<std::int64_t, 2> of_out = {columns * item, item};
  const cuda::ElementwiseParams params = cuda::elementwise_params(
      sizes, InputView{bytes(v).data(), dtype, of_v}, InputView{bytes(x).data(), dtype, of_x},
      OutputView{bytes(out).data(), dtype, of_out});
  const cuda::Evaluate<Function::log_bessel_i, 0, 0, Working> functor{};
  simt::launch({2, 1, 1}, cuda::kThreads, [&] { cuda::elementwise_kernel(params, functor); });
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const double exact = bessel::evaluate<Function::log_bessel_i, 0, 0>(
          static_cast<double>(v[j * rows + i]), static_cast<double>(x[j]));
      const double got = static_cast<double>(out[i * columns + j]);
      CHECK(std::abs(got - exact) <= tolerance * std::max(1.0, std::abs(exact)));
    }
  }
}

TEST(float64) { compare<double, double>(DType::float64, 0); }
TEST(float32_in_float64) { compare<float, double>(DType::float32, 0x1p-24); }
TEST(float32_in_float32) { compare<float, float>(DType::float32, 4 * 0x1p-23); }
TEST(float16_in_float64) { compare<float16, double>(DType::float16, 0x1p-11); }
TEST(bfloat16_in_float32) { compare<bfloat16, float>(DType::bfloat16, 0x1p-8 + 4 * 0x1p-23); }

TEST(grid_covers_any_length) {
  CHECK_EQUAL(cuda::grid_size(1, 256), 1);
  CHECK_EQUAL(cuda::grid_size(257, 256), 2);
  CHECK_EQUAL(cuda::grid_size(std::int64_t{1} << 40, 256), 1 << 20);
}

}  // namespace
