#include "rational/kernels.h"

#include <algorithm>
#include <cmath>

#include "rational/level_kernels.h"

namespace longtail::rational {
namespace {

const RowKernels& kernels() {
  static constexpr PerLevel<const RowKernels*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kRowKernels);
  return *levels[cpu_level()];
}

bool padded(const Table& table) { return table.m != 5 || table.n != 4; }

// The coefficients as the row kernels want them.
struct Prepared {
  explicit Prepared(const Table& table) : wide(table.rows) {
    for (std::size_t k = 0; k < wide.size(); ++k) {
      const bool denominator = k % kSlots > kMaxNumerator;
      if (table.version == 0 && denominator) wide[k] = std::abs(wide[k]);
    }
    narrow.assign(wide.begin(), wide.end());
  }
  Rows rows() const { return {wide.data(), narrow.data()}; }

  std::vector<double> wide;
  std::vector<float> narrow;
};

// Elements of a block of rows: what one thread does at a time, and one partial sum of gradients.
constexpr std::int64_t kBlockElements = std::int64_t{1} << 15;

std::int64_t rows_of_block(const Shape& shape) {
  return std::max<std::int64_t>(
      1, kBlockElements / std::max<std::int64_t>(1, shape.groups * shape.run));
}

}  // namespace

void forward(const Shape& shape, const Table& table, DType dtype, const void* x, void* y,
             const ParallelFor& parallel_for) {
  const auto run = kernels().forward[static_cast<int>(dtype)][table.version][padded(table)];
  if (shape.groups * shape.run == 0) return;
  const Prepared prepared(table);
  const Rows coefficients = prepared.rows();
  run_parallel(
      parallel_for, 0, shape.outer, rows_of_block(shape),
      [&](std::int64_t begin, std::int64_t end) { run(shape, coefficients, x, y, begin, end); });
}

void backward(const Shape& shape, const Table& table, DType dtype, const void* grad, const void* x,
              void* dx, std::vector<double>& sums, const ParallelFor& parallel_for) {
  const auto run = kernels().backward[static_cast<int>(dtype)][table.version][padded(table)];
  const std::int64_t size = shape.groups * kSlots, rows = rows_of_block(shape);
  sums.assign(size, 0.0);
  if (shape.groups * shape.run == 0) return;
  const Prepared prepared(table);
  const Rows coefficients = prepared.rows();
  const std::int64_t blocks = (shape.outer + rows - 1) / rows;
  std::vector<double> partial(blocks * size, 0.0);
  run_parallel(parallel_for, 0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      run(shape, coefficients, grad, x, dx, &partial[block * size], block * rows,
          std::min(shape.outer, (block + 1) * rows));
    }
  });
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t k = 0; k < size; ++k) sums[k] += partial[block * size + k];
  }
  if (table.version == 0) {  // d|b|/db
    for (std::int64_t g = 0; g < shape.groups; ++g) {
      for (int k = kMaxNumerator + 1; k < kSlots; ++k) {
        if (table.rows[g * kSlots + k] < 0) sums[g * kSlots + k] = -sums[g * kSlots + k];
      }
    }
  }
}

}  // namespace longtail::rational
