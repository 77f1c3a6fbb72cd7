#include "rational/poly.h"

#include <algorithm>
#include <vector>

#include "rational/poly_level.h"

namespace longtail::rational {
namespace {

const PolyKernels& kernels() {
  static constexpr PerLevel<const PolyKernels*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kPolyKernels);
  return *levels[cpu_level()];
}

// Elements of a block: what one thread does at a time, and one partial sum of gradients.
constexpr std::int64_t kBlockElements = std::int64_t{1} << 15;

const std::byte* at(const void* data, std::int64_t element, DType dtype) {
  return static_cast<const std::byte*>(data) + element * item_size(dtype);
}
std::byte* at(void* data, std::int64_t element, DType dtype) {
  return static_cast<std::byte*>(data) + element * item_size(dtype);
}

/// Adds up what `block(index, sums)` leaves for each of `blocks`, in their order.
template <class Block>
PolySums sum_of_blocks(std::int64_t blocks, const ParallelFor& parallel_for, const Block& block) {
  std::vector<PolySums> partial(blocks, PolySums{});
  run_parallel(parallel_for, 0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) block(b, partial[b].data());
  });
  PolySums total{};
  for (const PolySums& each : partial) {
    for (std::size_t k = 0; k < total.size(); ++k) total[k] += each[k];
  }
  return total;
}

std::int64_t rows_of_block(std::int64_t columns) {
  return std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, columns));
}

}  // namespace

void poly_norm(const Poly& poly, double eps, std::int64_t rows, std::int64_t columns, DType dtype,
               const void* x, void* y, const ParallelFor& parallel_for) {
  const NormRow run = kernels().norm[static_cast<int>(dtype)];
  run_parallel(parallel_for, 0, rows, rows_of_block(columns),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t r = begin; r < end; ++r) {
                   run(poly, eps, columns, at(x, r * columns, dtype), at(y, r * columns, dtype));
                 }
               });
}

PolySums poly_norm_backward(const Poly& poly, double eps, std::int64_t rows, std::int64_t columns,
                            DType dtype, const void* grad, const void* x, void* dx,
                            const ParallelFor& parallel_for) {
  const NormRowBackward run = kernels().norm_backward[static_cast<int>(dtype)];
  const std::int64_t share = rows_of_block(columns), blocks = (rows + share - 1) / share;
  return sum_of_blocks(blocks, parallel_for, [&](std::int64_t block, double* sums) {
    for (std::int64_t r = block * share; r < std::min(rows, (block + 1) * share); ++r) {
      const std::int64_t first = r * columns;
      run(poly, eps, columns, at(grad, first, dtype), at(x, first, dtype), at(dx, first, dtype),
          sums);
    }
  });
}

void poly_relu(const Poly& poly, std::int64_t count, DType dtype, const void* x, void* y,
               const ParallelFor& parallel_for) {
  const ReluRow run = kernels().relu[static_cast<int>(dtype)];
  run_parallel(parallel_for, 0, count, kBlockElements, [&](std::int64_t begin, std::int64_t end) {
    run(poly, end - begin, at(x, begin, dtype), at(y, begin, dtype));
  });
}

PolySums poly_relu_backward(const Poly& poly, std::int64_t count, DType dtype, const void* grad,
                            const void* x, void* dx, const ParallelFor& parallel_for) {
  const ReluRowBackward run = kernels().relu_backward[static_cast<int>(dtype)];
  const std::int64_t blocks = (count + kBlockElements - 1) / kBlockElements;
  return sum_of_blocks(blocks, parallel_for, [&](std::int64_t block, double* sums) {
    const std::int64_t begin = block * kBlockElements;
    const std::int64_t n = std::min(kBlockElements, count - begin);
    run(poly, n, at(grad, begin, dtype), at(x, begin, dtype), at(dx, begin, dtype), sums);
  });
}

}  // namespace longtail::rational
