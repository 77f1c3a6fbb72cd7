// Bytes of a fuzzer as sizes, options and elements: whatever they are, what is made of them is an
// argument that the contract allows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "core/element_type.h"
#include "core/parallel.h"

namespace longtail::fuzz {

/// What no input may bring about. abort() is what fuzzers and sanitizers take for a crash.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

/// Elements in memory of exactly their size, so that AddressSanitizer sees the first byte beyond.
class Memory {
 public:
  Memory(DType dtype, std::int64_t count)
      : dtype_(dtype), bytes_(static_cast<std::size_t>(count * item_size(dtype))) {}

  void* data() { return bytes_.data(); }
  const void* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }
  std::int64_t count() const { return std::int64_t(bytes_.size()) / item_size(dtype_); }

  double at(std::int64_t i) const {
    double value = 0;
    with_element_type(dtype_, [&](auto* type) {
      value = static_cast<double>(static_cast<decltype(type)>(const_cast<void*>(data()))[i]);
    });
    return value;
  }
  void set(std::int64_t i, double value) {
    with_element_type(dtype_, [&](auto* type) {
      using T = std::remove_pointer_t<decltype(type)>;
      static_cast<T*>(data())[i] = static_cast<T>(value);
    });
  }
  bool has_nan() const {
    for (std::int64_t i = 0; i < count(); ++i) {
      if (std::isnan(at(i))) return true;
    }
    return false;
  }
  void fill(std::byte with) { std::fill(bytes_.begin(), bytes_.end(), with); }
  bool operator==(const Memory& other) const { return bytes_ == other.bytes_; }

 private:
  DType dtype_;
  std::vector<std::byte> bytes_;
};

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  /// Zeros where the bytes have ended.
  std::uint8_t byte() { return at_ < size_ ? data_[at_++] : 0; }
  bool flag() { return (byte() & 1) != 0; }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    const std::int64_t range = most - least + 1;
    const int number = range > 256 ? byte() * 256 + byte() : byte();
    return least + number % range;
  }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[between(0, std::int64_t(choices.size()) - 1)];
  }

  /// Any number: eight bytes as they are, nan and inf among them.
  double bits() {
    std::uint8_t raw[8];
    for (std::uint8_t& each : raw) each = byte();
    double value;
    std::memcpy(&value, raw, sizeof value);
    return value;
  }
  /// Within +-8 in steps of 1/16.
  double moderate() { return static_cast<std::int8_t>(byte()) / 16.0; }

  /// So many elements; few bytes make many, by repetition. Without `extremes` all are moderate.
  Memory elements(DType dtype, std::int64_t count, bool extremes = false) {
    Memory memory(dtype, count);
    const std::int64_t own = std::min<std::int64_t>(count, 24);
    for (std::int64_t i = 0; i < own; ++i) {
      memory.set(i, extremes && flag() ? bits() : moderate());
    }
    for (std::int64_t i = own; i < count; ++i) {
      memory.set(i, memory.at(i % own) * (i % 7 == 3 ? -0.5 : 1));
    }
    return memory;
  }
  std::vector<double> doubles(std::int64_t count, bool extremes = false) {
    const Memory memory = elements(DType::float64, count, extremes);
    std::vector<double> values(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = memory.at(i);
    return values;
  }
  DType dtype() {
    return one_of({DType::float64, DType::float32, DType::float16, DType::bfloat16});
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

/// Single items, last first: what depends on who does what when, has other bits.
inline const ParallelFor& backwards() {
  static const ParallelFor run = [](std::int64_t begin, std::int64_t end, std::int64_t grain,
                                    const RangeTask& task) {
    const std::int64_t step = std::max<std::int64_t>(grain, 1);
    for (std::int64_t i = begin + (end - begin - 1) / step * step; i >= begin; i -= step) {
      task(i, std::min(i + step, end));
    }
  };
  return run;
}

/// Makes the call with one thread and with many; both give the same bits in `outputs`, whose memory
/// holds something else before. Of errors only std::invalid_argument is one; then it is false.
template <class Call>
bool runs_alike(std::initializer_list<Memory*> outputs, const Call& call) {
  std::vector<Memory> first;
  for (const int way : {0, 1}) {
    for (Memory* each : outputs) each->fill(std::byte(way == 0 ? 0xff : 0x11));
    try {
      call(way == 0 ? ParallelFor{} : backwards());
    } catch (const std::invalid_argument&) {
      return false;
    }
    if (way == 0) {
      for (Memory* each : outputs) first.push_back(*each);
      continue;
    }
    std::size_t k = 0;
    for (Memory* each : outputs) require(*each == first[k++], "bits depend on threads or memory");
  }
  return true;
}

}  // namespace longtail::fuzz

/// libFuzzer's and replay.cpp's entry into a target.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
