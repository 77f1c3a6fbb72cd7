// The element-wise driver: layouts, element types, threads, against a walk by hand.
#include "core/elementwise.h"

#include <array>
#include <cmath>
#include <numeric>
#include <thread>
#include <vector>

#include "core/half.h"
#include "test.h"

namespace {

using longtail::DType;
using longtail::ParallelFor;
using longtail::RangeTask;
using Indices = std::vector<std::int64_t>;

// Tells its arguments apart, and refuses blocks that are too long.
void kernel(const double* first, const double* second, double* out, std::int64_t n) {
  CHECK(n >= 1 && n <= longtail::kBlock);
  for (std::int64_t k = 0; k < n; ++k) out[k] = first[k] + 1000 * second[k];
}

// A strided tensor of T over its own memory.
template <class T>
struct Array {
  std::vector<T> memory;
  Indices strides;  // in elements
  std::int64_t offset = 0;

  std::vector<std::int64_t> bytes() const {
    Indices result = strides;
    for (std::int64_t& stride : result) stride *= sizeof(T);
    return result;
  }
  T& at(const Indices& index) {
    std::int64_t position = offset;
    for (std::size_t d = 0; d < index.size(); ++d) position += index[d] * strides[d];
    return memory.at(position);
  }
};

template <class Visit>
void for_each_index(const Indices& sizes, Visit&& visit) {
  if (std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>()) == 0)
    return;
  Indices index(sizes.size(), 0);
  while (true) {
    visit(index);
    std::size_t d = sizes.size();
    while (d > 0 && ++index[d - 1] == sizes[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}

Array<double> counting(std::size_t length, Indices strides, std::int64_t offset = 0) {
  Array<double> array{std::vector<double>(length), std::move(strides), offset};
  std::iota(array.memory.begin(), array.memory.end(), 1.0);
  return array;
}

void run(const Indices& sizes, Array<double>& first, Array<double>& second, Array<double>& out,
         const ParallelFor& parallel_for = {}) {
  const Indices strides[] = {first.bytes(), second.bytes(), out.bytes()};
  longtail::elementwise(
      kernel, sizes,
      {reinterpret_cast<const std::byte*>(first.memory.data() + first.offset), DType::float64,
       strides[0]},
      {reinterpret_cast<const std::byte*>(second.memory.data() + second.offset), DType::float64,
       strides[1]},
      {reinterpret_cast<std::byte*>(out.memory.data() + out.offset), DType::float64, strides[2]},
      parallel_for);
}

void check_layout(const Indices& sizes, Array<double> first, Array<double> second,
                  Array<double> out) {
  run(sizes, first, second, out);
  for_each_index(sizes, [&](const Indices& index) {
    CHECK_EQUAL(out.at(index), first.at(index) + 1000 * second.at(index));
  });
}

TEST(contiguous) {
  for (std::int64_t n : {1, 2, 127, 1023, 1024, 1025, 5000}) {
    check_layout({n}, counting(n, {1}), counting(n, {1}), counting(n, {1}));
  }
}

TEST(contiguous_in_many_dimensions) {
  check_layout({7, 1, 193, 3}, counting(4053, {579, 579, 3, 1}), counting(4053, {579, 1, 3, 1}),
               counting(4053, {579, 579, 3, 1}));
}

TEST(transposed) {
  check_layout({193, 127}, counting(24511, {1, 193}), counting(24511, {127, 1}),
               counting(24511, {127, 1}));
  check_layout({193, 127}, counting(24511, {127, 1}), counting(24511, {1, 193}),
               counting(24511, {1, 193}));
}

TEST(expanded) {
  check_layout({40, 60}, counting(40, {1, 0}), counting(60, {0, 1}), counting(2400, {60, 1}));
  check_layout({3000}, counting(1, {0}), counting(3000, {1}), counting(3000, {1}));
  check_layout({3000}, counting(1, {0}), counting(1, {0}), counting(3000, {1}));
}

TEST(sliced_and_offset) {
  check_layout({50, 33}, counting(10000, {200, 3}, 7), counting(5000, {100, 2}, 1),
               counting(3000, {55, 1}, 3));
}

TEST(negative_strides) {
  check_layout({1500}, counting(1500, {-1}, 1499), counting(3000, {-2}, 2999), counting(1500, {1}));
}

TEST(no_dimension_and_no_element) {
  check_layout({}, counting(1, {}), counting(1, {}), counting(1, {}));
  Array<double> empty = counting(0, {1, 1});
  run({0, 5}, empty, empty, empty);
  run({5, 0}, empty, empty, empty);
}

TEST(output_may_be_an_input) {
  Array<double> both = counting(2500, {1});
  Array<double> second = counting(2500, {1});
  const Indices stride = {8};
  auto* data = both.memory.data();
  longtail::elementwise(
      kernel, Indices{2500}, {reinterpret_cast<const std::byte*>(data), DType::float64, stride},
      {reinterpret_cast<const std::byte*>(second.memory.data()), DType::float64, stride},
      {reinterpret_cast<std::byte*>(data), DType::float64, stride});
  for (std::int64_t k = 0; k < 2500; ++k) CHECK_EQUAL(both.memory[k], 1001.0 * (k + 1));
}

template <class In, class Out>
void check_dtypes(DType in, DType out) {
  constexpr std::int64_t n = 1100;
  std::vector<In> first, second;
  for (std::int64_t k = 0; k < n; ++k) {
    first.push_back(static_cast<In>(static_cast<double>(k % 100)));
    second.push_back(static_cast<In>(1.0));
  }
  std::vector<Out> result(n);
  const Indices in_stride = {sizeof(In)}, out_stride = {sizeof(Out)};
  longtail::elementwise(kernel, Indices{n},
                        {reinterpret_cast<const std::byte*>(first.data()), in, in_stride},
                        {reinterpret_cast<const std::byte*>(second.data()), in, in_stride},
                        {reinterpret_cast<std::byte*>(result.data()), out, out_stride});
  for (std::int64_t k = 0; k < n; ++k) {
    const Out expected = static_cast<Out>(static_cast<double>(first[k]) + 1000.0);
    CHECK_EQUAL(static_cast<double>(result[k]), static_cast<double>(expected));
  }
}

TEST(element_types) {
  check_dtypes<float, float>(DType::float32, DType::float32);
  check_dtypes<longtail::float16, longtail::float16>(DType::float16, DType::float16);
  check_dtypes<longtail::bfloat16, longtail::bfloat16>(DType::bfloat16, DType::bfloat16);
  check_dtypes<float, double>(DType::float32, DType::float64);
  check_dtypes<double, longtail::bfloat16>(DType::float64, DType::bfloat16);
  check_dtypes<std::int8_t, double>(DType::int8, DType::float64);
  check_dtypes<std::uint8_t, double>(DType::uint8, DType::float64);
  check_dtypes<std::int16_t, double>(DType::int16, DType::float64);
  check_dtypes<std::uint16_t, double>(DType::uint16, DType::float64);
}

// Cuts the range into three and runs each part on a thread.
void three_threads(std::int64_t begin, std::int64_t end, std::int64_t, const RangeTask& task) {
  std::vector<std::thread> threads;
  for (int part = 0; part < 3; ++part) {
    const auto cut = [&](int k) { return begin + (end - begin) * k / 3; };
    threads.emplace_back(task, cut(part), cut(part + 1));
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(threads_change_nothing) {
  const Indices sizes = {100, 257};
  Array<double> first = counting(25700, {1, 100}), second = counting(257, {0, 1});
  Array<double> serial = counting(25700, {257, 1}), parallel = serial;
  run(sizes, first, second, serial);
  run(sizes, first, second, parallel, three_threads);
  CHECK(serial.memory == parallel.memory);
}

TEST(bad_views_are_refused) {
  Array<double> flat = counting(4, {1}), square = counting(4, {2, 1});
  CHECK_THROWS(run({2, 2}, square, flat, square), "second.strides", "is 1", "2");
  const Indices stride = {2};
  std::array<std::byte, 8> memory{};
  CHECK_THROWS(longtail::elementwise(kernel, Indices{4}, {memory.data(), DType::int8, stride},
                                     {memory.data(), DType::int8, stride},
                                     {memory.data(), DType::int16, stride}),
               "out", "int16", "floating-point");
}

}  // namespace
