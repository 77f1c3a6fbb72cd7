#pragma once
// Memory of values on a grid, in the layout of grid_view.h.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "multigrid/grid_view.h"

namespace longtail::multigrid {

/// Numbers of a row that a vector may begin at.
template <class S>
constexpr std::int64_t kAlignedNumbers = kRowAlignment / std::int64_t{sizeof(S)};

/// The layout for numbers of type S.
template <class S>
GridShape shape_for(bool flat, const std::int64_t sizes[3], const bool periodic[3]);

/// How many numbers a grid takes with its ghosts, and where point (0, 0, 0) is among them.
template <class S>
std::int64_t numbers_of(const GridShape& shape);
template <class S>
std::int64_t origin_of(const GridShape& shape);

/// Zeros, aligned for every vector. Those of large grids come from the system, in large pages where
/// it has them for the asking: each call has grids of its own, and to get 4 KiB at a time takes
/// longer than a sweep of them, as does filling with zeros what is zero already.
void* grid_memory(std::size_t bytes);
void free_grid_memory(void* memory, std::size_t bytes);

/// So many numbers of it.
template <class S>
class Zeros {
 public:
  Zeros() = default;
  explicit Zeros(std::int64_t count) : memory_(allocated(count * sizeof(S))) {}

  S* data() const { return memory_.get(); }

 private:
  struct Free {
    std::size_t bytes = 0;
    void operator()(S* memory) const { free_grid_memory(memory, bytes); }
  };
  static std::unique_ptr<S, Free> allocated(std::size_t bytes) {
    return {static_cast<S*>(grid_memory(bytes)), Free{bytes}};
  }

  std::unique_ptr<S, Free> memory_;
};

/// One array in the layout of a grid, 0 at first, ghosts too.
template <class S>
class Grid {
 public:
  Grid() = default;
  explicit Grid(const GridShape& shape)
      : numbers_(numbers_of<S>(shape)), origin_(origin_of<S>(shape)) {}

  S* data() { return numbers_.data() + origin_; }
  const S* data() const { return numbers_.data() + origin_; }

 private:
  Zeros<S> numbers_;
  std::int64_t origin_ = 0;
};

/// Copies the ends of periodic axes to the ghosts beyond the other end, two of them along a row.
template <class S>
void wrap_ghosts(const GridShape& shape, S* data);

}  // namespace longtail::multigrid
