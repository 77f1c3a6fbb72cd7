#include "core/elementwise.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/check.h"
#include "core/half.h"
#include "core/strided.h"

namespace longtail {
namespace {

// Blocks a thread should at least have: 4096 elements take 20 microseconds or more, several
// times what it costs to wake a thread.
constexpr std::int64_t kGrainBlocks = 4;

template <class T>
void load_row(const std::byte* source, std::int64_t stride, double* target, std::int64_t n) {
  const auto element = [](const std::byte* at) {
    return static_cast<double>(*reinterpret_cast<const T*>(at));
  };
  if (stride == 0) {
    std::fill_n(target, n, element(source));
  } else if (stride == static_cast<std::int64_t>(sizeof(T))) {
    const T* items = reinterpret_cast<const T*>(source);
    for (std::int64_t i = 0; i < n; ++i) target[i] = static_cast<double>(items[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) target[i] = element(source + i * stride);
  }
}

template <class T>
void store_row(const double* source, std::byte* target, std::int64_t stride, std::int64_t n) {
  if (stride == static_cast<std::int64_t>(sizeof(T))) {
    T* items = reinterpret_cast<T*>(target);
    for (std::int64_t i = 0; i < n; ++i) items[i] = static_cast<T>(source[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      *reinterpret_cast<T*>(target + i * stride) = static_cast<T>(source[i]);
    }
  }
}

using LoadRow = void (*)(const std::byte*, std::int64_t, double*, std::int64_t);
using StoreRow = void (*)(const double*, std::byte*, std::int64_t, std::int64_t);

LoadRow row_loader(DType dtype) {
  switch (dtype) {
    case DType::float64:
      return load_row<double>;
    case DType::float32:
      return load_row<float>;
    case DType::float16:
      return load_row<float16>;
    case DType::bfloat16:
      return load_row<bfloat16>;
    case DType::int8:
      return load_row<std::int8_t>;
    case DType::uint8:
      return load_row<std::uint8_t>;
    case DType::int16:
      return load_row<std::int16_t>;
    case DType::uint16:
      return load_row<std::uint16_t>;
  }
  fail_argument("elementwise", "dtype", static_cast<int>(dtype), "a known element type");
}

StoreRow row_storer(DType dtype) {
  switch (dtype) {
    case DType::float64:
      return store_row<double>;
    case DType::float32:
      return store_row<float>;
    case DType::float16:
      return store_row<float16>;
    case DType::bfloat16:
      return store_row<bfloat16>;
    default:
      fail_argument("elementwise", "out", to_string(dtype), "a floating-point type");
  }
}

// True if the elements of an operand lie as a block kernel wants them: contiguous doubles.
bool is_plain(const std::vector<Dimension>& box, Operand operand, DType dtype) {
  return dtype == DType::float64 && box.size() == 1 &&
         (box[0].strides[operand] == sizeof(double) || box[0].size == 1);
}

}  // namespace

std::int64_t item_size(DType dtype) {
  switch (dtype) {
    case DType::float64:
      return 8;
    case DType::float32:
      return 4;
    case DType::int8:
    case DType::uint8:
      return 1;
    default:
      return 2;
  }
}

std::string_view to_string(DType dtype) {
  constexpr std::array<std::string_view, 8> names = {"float64", "float32", "float16", "bfloat16",
                                                     "int8",    "uint8",   "int16",   "uint16"};
  const auto index = static_cast<std::size_t>(dtype);
  return index < names.size() ? names[index] : "unknown";
}

void elementwise(BlockKernel kernel, std::span<const std::int64_t> sizes, const InputView& first,
                 const InputView& second, const OutputView& out, const ParallelFor& parallel_for) {
  const std::vector<Dimension> box = coalesce(sizes, first, second, out);
  std::int64_t total = 1;
  for (const Dimension& dimension : box) total *= dimension.size;
  const LoadRow load_first = row_loader(first.dtype);
  const LoadRow load_second = row_loader(second.dtype);
  const StoreRow store_out = row_storer(out.dtype);
  const bool first_plain = is_plain(box, kFirst, first.dtype);
  const bool second_plain = is_plain(box, kSecond, second.dtype);
  // An output that is also an input must not be written before the whole block is computed.
  const bool out_plain =
      is_plain(box, kOut, out.dtype) && out.data != first.data && out.data != second.data;

  const auto run_blocks = [&](std::int64_t begin, std::int64_t end) {
    alignas(64) double first_buffer[kBlock];
    alignas(64) double second_buffer[kBlock];
    alignas(64) double out_buffer[kBlock];

    const auto gather = [&](Operand operand, const InputView& view, LoadRow load, bool plain,
                            double* buffer, std::int64_t start, std::int64_t n) -> const double* {
      if (plain) return reinterpret_cast<const double*>(view.data) + start;
      for_each_row(
          box, operand, start, n,
          [&](std::int64_t offset, std::int64_t stride, std::int64_t done, std::int64_t count) {
            load(view.data + offset, stride, buffer + done, count);
          });
      return buffer;
    };

    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t start = block * kBlock;
      const std::int64_t n = std::min(kBlock, total - start);
      const double* a = gather(kFirst, first, load_first, first_plain, first_buffer, start, n);
      const double* b = gather(kSecond, second, load_second, second_plain, second_buffer, start, n);
      if (out_plain) {
        kernel(a, b, reinterpret_cast<double*>(out.data) + start, n);
        continue;
      }
      kernel(a, b, out_buffer, n);
      for_each_row(
          box, kOut, start, n,
          [&](std::int64_t offset, std::int64_t stride, std::int64_t done, std::int64_t count) {
            store_out(out_buffer + done, out.data + offset, stride, count);
          });
    }
  };
  run_parallel(parallel_for, 0, (total + kBlock - 1) / kBlock, kGrainBlocks, run_blocks);
}

}  // namespace longtail
