// Uninitialised memory for the work of one call, aligned for every vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace longtail {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t bytes)
      : memory_(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{kAlignment}))) {}

  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(memory_.get());
  }

  static constexpr std::int64_t kAlignment = 64;

 private:
  struct Free {
    void operator()(std::byte* memory) const {
      ::operator delete(memory, std::align_val_t{kAlignment});
    }
  };
  std::unique_ptr<std::byte, Free> memory_;
};

/// Places pieces one after another: first to learn the size, then to point into the buffer.
class Layout {
 public:
  explicit Layout(std::byte* base = nullptr) : base_(base) {}

  template <class T>
  T* place(std::int64_t count) {
    // Of nothing there is no byte at size_: not even its address.
    T* const here = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + size_);
    size_ += (count * std::int64_t{sizeof(T)} + Buffer::kAlignment - 1) / Buffer::kAlignment *
             Buffer::kAlignment;
    return here;
  }
  std::int64_t size() const { return size_; }

 private:
  std::byte* base_;
  std::int64_t size_ = 0;
};

}  // namespace longtail
