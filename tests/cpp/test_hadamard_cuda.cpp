// The CUDA kernels of the Hadamard transform, run on the CPU by simt/cuda_runtime.h: the bits of
// the CPU kernels, for rows that fill tiles, share them, and are cut into chunks.
#include "attention/hadamard.h"
#include "cuda/attention/hadamard_kernels.cuh"
#include "test.h"

#include <cmath>
#include <cstring>
#include <vector>

namespace {

using namespace longtail;

template <class E>
struct Rows {
  std::vector<E> x, cpu, cuda;

  Rows(std::int64_t rows, std::int64_t n) : x(rows * n), cpu(rows * n), cuda(rows * n) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<E>(std::sin(1.0 + 0.7 * i));
  }
  bool agree() const { return std::memcmp(cpu.data(), cuda.data(), x.size() * sizeof(E)) == 0; }
};

template <class E, class Out, class S>
void run_power(std::int64_t rows, std::int64_t size, const E* x, S scale, Out* y) {
  int bits = 0;
  while (std::int64_t{1} << bits < size) ++bits;
  const cuda::HadamardTiles tiles = cuda::hadamard_tiles(bits, sizeof(S));
  const unsigned blocks = rows * size > tiles.elements() ? 2 : 1;  // a block takes several tiles
  simt::launch(
      {blocks, 1, 1}, tiles.threads,
      [&] {
        switch (tiles.chunks) {
          case 1:
            return cuda::hadamard_power<1, E, Out, S>(bits, rows * size, x, scale, y);
          case 2:
            return cuda::hadamard_power<2, E, Out, S>(bits, rows * size, x, scale, y);
          case 4:
            return cuda::hadamard_power<4, E, Out, S>(bits, rows * size, x, scale, y);
          default:
            return cuda::hadamard_power<8, E, Out, S>(bits, rows * size, x, scale, y);
        }
      },
      tiles.shared_bytes);
}

template <class E>
void compare(DType dtype, std::int64_t rows, std::int64_t n, bool transpose) {
  using S = cuda::compute_type<E>;
  const double scale = 0.3;
  Rows<E> data(rows, n);
  attention::hadamard_transform(rows, n, dtype, data.x.data(), scale, transpose, data.cpu.data());
  const int base = attention::hadamard_base(n);
  const std::int64_t block = n / base;
  if (base == 1) {
    run_power<E>(rows, n, data.x.data(), static_cast<S>(scale), data.cuda.data());
  } else {
    std::vector<S> between(rows * n);
    run_power<E>(rows * base, block, data.x.data(), S(1), between.data());
    const cuda::HadamardSigns signs = cuda::hadamard_signs(base, transpose);
    simt::launch(
        {2, 1, 1}, cuda::kMixThreads,
        [&] {
          cuda::hadamard_mix(signs, base, rows, block, between.data(), static_cast<S>(scale),
                             data.cuda.data());
        },
        sizeof(S) * base * cuda::kMixColumns);
  }
  CHECK(data.agree());
}

TEST(short_rows_share_a_tile) {
  for (const std::int64_t n : {1, 2, 4, 8, 16, 64, 128, 256}) {
    for (const std::int64_t rows : {1, 3, 700}) compare<float>(DType::float32, rows, n, false);
  }
  compare<double>(DType::float64, 5, 64, false);
  compare<float16>(DType::float16, 5, 32, false);
  compare<bfloat16>(DType::bfloat16, 5, 2, false);
}

TEST(longer_rows_go_through_shared_memory) {
  for (const std::int64_t n : {512, 1024, 2048, 4096}) {
    compare<float>(DType::float32, 5, n, false);
    compare<double>(DType::float64, 3, n, false);
  }
  compare<float16>(DType::float16, 3, 1024, false);
  compare<bfloat16>(DType::bfloat16, 3, 4096, false);
}

TEST(the_longest_rows_are_cut_into_chunks) {
  for (const std::int64_t n : {8192, 16384, 32768}) {
    compare<float>(DType::float32, 3, n, false);
    compare<double>(DType::float64, 1, n, false);
  }
  compare<bfloat16>(DType::bfloat16, 1, 32768, false);
}

TEST(sizes_that_are_no_powers_of_two) {
  for (const std::int64_t n : {12, 20, 24, 28, 36, 40, 52, 60, 96, 108, 140, 156, 172, 344, 640}) {
    for (const bool transpose : {false, true}) {
      compare<float>(DType::float32, 7, n, transpose);
      compare<double>(DType::float64, 2, n, transpose);
    }
  }
  compare<float16>(DType::float16, 3, 20, false);
  compare<bfloat16>(DType::bfloat16, 2, 172 * 4, true);
  compare<float>(DType::float32, 1, 28 * 1024, false);
}

}  // namespace
