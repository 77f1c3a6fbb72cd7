// The transform on every CPU level of this machine against its matrix in float64.
#include "attention/hadamard.h"

#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "attention/hadamard_base.h"
#include "attention/hadamard_level.h"
#include "core/half.h"
#include "errors.h"
#include "test.h"

namespace longtail::attention {
namespace {

int entry(std::int64_t n, std::int64_t i, std::int64_t j) {
  const int base = hadamard_base(n);
  const std::int64_t block = n / base;
  const int sylvester = __builtin_popcountll((i % block) & (j % block)) % 2 ? -1 : 1;
  return base == 1 ? sylvester
                   : sylvester * hadamard_entry(base, static_cast<int>(i / block),
                                                static_cast<int>(j / block));
}

std::vector<double> product(const std::vector<double>& x, std::int64_t n, double scale,
                            bool transpose) {
  std::vector<double> y(x.size());
  for (std::size_t r = 0; r < x.size() / n; ++r) {
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < n; ++j) {
        sum += x[r * n + j] * (transpose ? entry(n, j, i) : entry(n, i, j));
      }
      y[r * n + i] = sum * scale;
    }
  }
  return y;
}

// x in E, transformed and widened; `used` is what x became.
template <class E>
std::vector<double> transformed(DType dtype, const std::vector<double>& x, std::int64_t n,
                                double scale, bool transpose, std::vector<double>* used) {
  // Exactly as long as they must be, so that the address sanitizer sees a step too far.
  std::vector<E> source(x.size()), result(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    source[i] = static_cast<E>(x[i]);
    (*used)[i] = static_cast<double>(source[i]);
  }
  hadamard_transform(static_cast<std::int64_t>(x.size()) / n, n, dtype, source.data(), scale,
                     transpose, result.data());
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<double>(result[i]);
  return y;
}

// Multiples of 2^-20, so that the sums of the products below are exact.
std::vector<double> normal(std::size_t count) {
  test::Random random(11);
  std::vector<double> x(count);
  for (double& value : x) {
    const double radius = std::sqrt(-2 * std::log(random.uniform(1e-3, 1)));
    value =
        std::ldexp(std::rint(std::ldexp(radius * std::cos(random.uniform(0, 6.2831853)), 20)), -20);
  }
  return x;
}

TEST(base_matrices_are_hadamard) {
  for (const int base : kHadamardBases) {
    for (int i = 0; i < base; ++i) {
      for (int j = 0; j <= i; ++j) {
        int dot = 0;
        for (int k = 0; k < base; ++k)
          dot += hadamard_entry(base, i, k) * hadamard_entry(base, j, k);
        CHECK_EQUAL(dot, i == j ? base : 0);
      }
    }
  }
}

TEST(sizes) {
  CHECK_EQUAL(hadamard_base(1), 1);
  CHECK_EQUAL(hadamard_base(32768), 1);
  CHECK_EQUAL(hadamard_base(65536), 0);
  CHECK_EQUAL(hadamard_base(5120), 40);
  CHECK_EQUAL(hadamard_base(20), 20);
  CHECK_EQUAL(hadamard_base(11008), 172);
  CHECK_EQUAL(hadamard_base(14336), 28);
  for (const std::int64_t n : {0, -4, 3, 24 + 1, 44, 100}) CHECK_EQUAL(hadamard_base(n), 0);
  CHECK_EQUAL(hadamard_size_for(0), 1);
  CHECK_EQUAL(hadamard_size_for(100), 104);
  CHECK_EQUAL(hadamard_size_for(129), 140);
  CHECK_EQUAL(hadamard_size_for(32768), 32768);
  CHECK_EQUAL(hadamard_size_for(32769), 0);
  CHECK_THROWS(hadamard_transform(1, 44, DType::float32, nullptr, 1, false, nullptr), "44", "172");
}

TEST(values_of_every_type) {
  struct Case {
    DType dtype;
    double bound;  // relative to the largest element
  };
  for (std::int64_t n = 1; n <= (test::kEmulated ? 300 : 1500); ++n) {
    if (hadamard_base(n) == 0) continue;
    const std::int64_t rows = n < 200 ? 5 : 1;
    const std::vector<double> x = normal(rows * n);
    const double scale = 1 / std::sqrt(static_cast<double>(n));
    for (const bool transpose : {false, true}) {
      for (const Case& each : {Case{DType::float64, 2e-15}, Case{DType::float32, 1e-6},
                               Case{DType::float16, 6e-4}, Case{DType::bfloat16, 4.5e-3}}) {
        std::vector<double> used(x.size()), y;
        switch (each.dtype) {
          case DType::float64:
            y = transformed<double>(each.dtype, x, n, scale, transpose, &used);
            break;
          case DType::float32:
            y = transformed<float>(each.dtype, x, n, scale, transpose, &used);
            break;
          case DType::float16:
            y = transformed<float16>(each.dtype, x, n, scale, transpose, &used);
            break;
          default:
            y = transformed<bfloat16>(each.dtype, x, n, scale, transpose, &used);
        }
        const std::vector<double> want = product(used, n, scale, transpose);
        double largest = 0, error = 0;
        for (std::size_t i = 0; i < y.size(); ++i) {
          largest = std::fmax(largest, std::fabs(want[i]));
          error = std::fmax(error, std::fabs(y[i] - want[i]));
        }
        CHECK(error <= each.bound * largest);
      }
    }
  }
}

TEST(twice_is_n_times_the_row) {
  for (const std::int64_t n : {2048, 4096, 8192, 16384, 32768, 5120, 11008, 13824, 28672, 22016}) {
    const std::vector<double> x = normal(2 * n);
    std::vector<double> y = x;
    hadamard_transform(2, n, DType::float64, y.data(), 1, false, y.data());  // in place
    hadamard_transform(2, n, DType::float64, y.data(), 1 / static_cast<double>(n), true, y.data());
    for (std::int64_t i = 0; i < 2 * n; ++i) CHECK(std::fabs(y[i] - x[i]) < 1e-13);
  }
}

// Every level and every split of the rows gives the bits of the scalar level in one piece.
TEST(levels_and_threads_agree_bit_for_bit) {
  const HadamardKernels* levels[] = {&scalar::kHadamardKernels
#if defined(__x86_64__)
                                     ,
                                     &avx2::kHadamardKernels, &avx512::kHadamardKernels
#elif defined(__aarch64__)
                                     ,
                                     &neon::kHadamardKernels
#endif
  };
  const std::size_t usable = available_cpu_levels().size() < std::size(levels)
                                 ? available_cpu_levels().size()
                                 : std::size(levels);
  for (const std::int64_t n :
       {1, 2, 4, 8, 16, 32, 128, 512, 1024, 4096, 12, 24, 36, 80, 172 * 8, 60 * 32}) {
    const int rows = 7, base = hadamard_base(n);
    const std::vector<double> x = normal(rows * n);
    const std::vector<float> source(x.begin(), x.end());
    std::vector<float> signs(base * base);
    for (int i = 0; base > 1 && i < base; ++i) {
      for (int j = 0; j < base; ++j) {
        signs[i * base + j] = static_cast<float>(hadamard_entry(base, i, j));
      }
    }
    const HadamardJob job{n / base, base, 0.3, signs.data()};
    std::vector<float> scratch(scratch_elements(job));
    std::vector<float> first(rows * n), other(rows * n);
    const int dtype = static_cast<int>(DType::float32);
    levels[0]->rows[dtype](job, rows, source.data(), first.data(), scratch.data());
    for (std::size_t l = 1; l < usable; ++l) {
      levels[l]->rows[dtype](job, rows, source.data(), other.data(), scratch.data());
      CHECK(std::memcmp(first.data(), other.data(), first.size() * sizeof(float)) == 0);
    }
    const ParallelFor two = [](std::int64_t begin, std::int64_t end, std::int64_t,
                               const RangeTask& task) {
      const std::int64_t middle = begin + (end - begin) / 3;
      std::thread thread([&] { task(begin, middle); });
      task(middle, end);
      thread.join();
    };
    const std::int64_t many = 40000 / n * rows + 3;
    const std::vector<double> wide = normal(many * n);
    const std::vector<float> long_source(wide.begin(), wide.end());
    std::vector<float> alone(many * n), shared(many * n);
    hadamard_transform(many, n, DType::float32, long_source.data(), 0.3, false, alone.data());
    hadamard_transform(many, n, DType::float32, long_source.data(), 0.3, false, shared.data(), two);
    CHECK(std::memcmp(alone.data(), shared.data(), alone.size() * sizeof(float)) == 0);
  }
}

}  // namespace
}  // namespace longtail::attention
