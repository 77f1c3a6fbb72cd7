#pragma once
// Memory of values on a grid, in the layout of grid_view.h.

#include <cstddef>
#include <cstdint>
#include <vector>

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

/// Aligned for every vector; large grids in large pages, where the system has them for the asking:
/// each call has grids of its own, and to get 4 KiB from the system takes longer than a sweep of
/// them.
void* grid_memory(std::size_t bytes);
void free_grid_memory(void* memory, std::size_t bytes);

template <class S>
struct GridAllocator {
  using value_type = S;
  S* allocate(std::size_t count) { return static_cast<S*>(grid_memory(count * sizeof(S))); }
  void deallocate(S* memory, std::size_t count) { free_grid_memory(memory, count * sizeof(S)); }
  bool operator==(const GridAllocator&) const = default;
};

/// One array in the layout of a grid, 0 at first, ghosts too.
template <class S>
class Grid {
 public:
  Grid() = default;
  explicit Grid(const GridShape& shape)
      : numbers_(numbers_of<S>(shape), S(0)), origin_(origin_of<S>(shape)) {}

  S* data() { return numbers_.data() + origin_; }
  const S* data() const { return numbers_.data() + origin_; }

 private:
  std::vector<S, GridAllocator<S>> numbers_;
  std::int64_t origin_ = 0;
};

/// Copies the ends of periodic axes to the ghosts beyond the other end, two of them along a row.
template <class S>
void wrap_ghosts(const GridShape& shape, S* data);

}  // namespace longtail::multigrid
