#pragma once
// Rows that are computed where they are first used, and kept while they are used again.

#include <algorithm>
#include <cstdint>

#include "core/buffer.h"

namespace longtail::multigrid {

/// The last few of a sequence of arrays, each made when it is asked for first.
template <class S, int kSlots>
class Recent {
 public:
  explicit Recent(std::int64_t size) : size_(size), memory_(kSlots * size * sizeof(S)) {
    std::fill_n(memory_.as<S>(), kSlots * size, S(0));  // lanes behind a row are read
    forget();
  }
  /// make(i, to) fills what stands for i.
  template <class Make>
  const S* get(std::int64_t i, const Make& make) {
    for (int slot = 0; slot < kSlots; ++slot) {
      if (tags_[slot] == i) return memory_.as<S>() + slot * size_;
    }
    S* const to = memory_.as<S>() + next_ * size_;
    tags_[next_] = i;
    next_ = (next_ + 1) % kSlots;
    make(i, to);
    return to;
  }
  void forget() { std::fill_n(tags_, kSlots, -1); }

 private:
  std::int64_t size_;
  Buffer memory_;
  std::int64_t tags_[kSlots];
  int next_ = 0;
};

}  // namespace longtail::multigrid
