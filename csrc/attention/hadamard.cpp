#include "attention/hadamard.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <mutex>
#include <vector>

#include "attention/hadamard_base.h"
#include "attention/hadamard_level.h"
#include "core/check.h"

namespace longtail::attention {
namespace {

const HadamardKernels& kernels() {
  static constexpr PerLevel<const HadamardKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kHadamardKernels);
  return *levels[cpu_level()];
}

bool is_power_of_two(std::int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

/// A base matrix or its transpose, by rows; made at the first use and kept.
template <class S>
const S* signs_of(int base, bool transpose) {
  constexpr std::size_t count = std::size(kHadamardBases);
  static std::array<std::once_flag, 2 * count> made;
  static std::array<std::vector<S>, 2 * count> all;
  const auto found = std::find(std::begin(kHadamardBases), std::end(kHadamardBases), base);
  const std::size_t index = 2 * (found - std::begin(kHadamardBases)) + (transpose ? 1 : 0);
  std::call_once(made[index], [&] {
    std::vector<S> signs(base * base);
    for (int i = 0; i < base; ++i) {
      for (int j = 0; j < base; ++j) {
        const int entry = transpose ? hadamard_entry(base, j, i) : hadamard_entry(base, i, j);
        signs[i * base + j] = static_cast<S>(entry);
      }
    }
    all[index] = std::move(signs);
  });
  return all[index].data();
}

// Elements that are worth another thread.
constexpr std::int64_t kGrainElements = std::int64_t{1} << 15;

}  // namespace

int hadamard_base(std::int64_t n) {
  if (n <= 0 || n > kLargestHadamard) return 0;
  if (is_power_of_two(n)) return 1;
  for (const int base : kHadamardBases) {
    if (n % base == 0 && is_power_of_two(n / base)) return base;
  }
  return 0;
}

std::int64_t hadamard_size_for(std::int64_t n) {
  std::int64_t size = std::max<std::int64_t>(n, 1);
  while (size <= kLargestHadamard && hadamard_base(size) == 0) ++size;
  return size <= kLargestHadamard ? size : 0;
}

void hadamard_transform(std::int64_t rows, std::int64_t n, DType dtype, const void* x, double scale,
                        bool transpose, void* y, const ParallelFor& parallel_for) {
  const int base = hadamard_base(n);
  check_argument(base > 0, "hadamard_transform", "n", n, kHadamardSizes);
  HadamardJob job{n / base, base, scale, nullptr};
  const bool wide = dtype == DType::float64;
  if (base > 1 && wide) job.signs = signs_of<double>(base, transpose);
  if (base > 1 && !wide) job.signs = signs_of<float>(base, transpose);

  const HadamardRows run = kernels().rows[static_cast<int>(dtype)];
  const std::int64_t row_bytes = n * item_size(dtype);
  const std::int64_t grain = std::max<std::int64_t>(1, kGrainElements / n);
  run_parallel(parallel_for, 0, rows, grain, [&](std::int64_t begin, std::int64_t end) {
    const auto scratch = std::make_unique_for_overwrite<double[]>(scratch_elements(job));
    run(job, end - begin, static_cast<const std::byte*>(x) + begin * row_bytes,
        static_cast<std::byte*>(y) + begin * row_bytes, scratch.get());
  });
}

}  // namespace longtail::attention
