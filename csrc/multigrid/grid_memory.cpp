#include "multigrid/grid_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace longtail::multigrid {
namespace {

constexpr std::align_val_t kAligned{kRowAlignment};
#ifdef MADV_HUGEPAGE
constexpr std::size_t kLargePage = std::size_t{2} << 20;
constexpr std::size_t kPages = std::size_t{64} << 10;  // a multiple of every system's small page

bool is_large(std::size_t bytes) { return bytes >= kLargePage; }

std::size_t mapped(std::size_t bytes) { return (bytes + kPages - 1) / kPages * kPages; }

/// New pages, which are zeros, from the boundary of a large one on.
void* map(std::size_t bytes) {
  const std::size_t all = mapped(bytes) + kLargePage;
  void* const from = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (from == MAP_FAILED) throw std::bad_alloc();
  auto* const first = static_cast<std::byte*>(from);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(from) % kLargePage;
  if (before > 0) munmap(first, before);
  munmap(first + before + mapped(bytes), kLargePage - before);
  // A wish: where it is refused pages are small.
  madvise(first + before, mapped(bytes), MADV_HUGEPAGE);
  return first + before;
}
#endif

}  // namespace

void* grid_memory(std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (is_large(bytes)) return map(bytes);
#endif
  return std::memset(::operator new(bytes, kAligned), 0, bytes);
}

void free_grid_memory(void* memory, std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (is_large(bytes)) {
    munmap(memory, mapped(bytes));
    return;
  }
#endif
  ::operator delete(memory, kAligned);
}

template <class S>
GridShape shape_for(bool flat, const std::int64_t sizes[3], const bool periodic[3]) {
  GridShape result{};
  result.flat = flat;
  std::copy_n(sizes, 3, result.sizes);
  std::copy_n(periodic, 3, result.periodic);
  constexpr std::int64_t unit = kAlignedNumbers<S>;
  result.row_stride = (sizes[2] + unit - 1) / unit * unit + unit;
  result.plane_stride = (sizes[1] + 2) * result.row_stride;
  return result;
}

template <class S>
std::int64_t numbers_of(const GridShape& shape) {
  const std::int64_t planes = shape.flat ? 1 : shape.sizes[0] + 2;
  // A vector may be read across the end of the last row.
  return planes * shape.plane_stride + 3 * kAlignedNumbers<S>;
}

template <class S>
std::int64_t origin_of(const GridShape& shape) {
  return (shape.flat ? 0 : shape.plane_stride) + shape.row_stride + kAlignedNumbers<S>;
}

template <class S>
void wrap_ghosts(const GridShape& shape, S* data) {
  const std::int64_t n = shape.sizes[2];
  if (shape.periodic[2]) {
    for (std::int64_t line = 0; line < shape.lines(); ++line) {
      S* const row = data + shape.line(line);
      for (std::int64_t i = 0; i < 2; ++i) {
        row[-1 - i] = row[(2 * n - 1 - i) % n];
        row[n + i] = row[i % n];
      }
    }
  }
  // Whole rows, with their ghosts.
  const std::int64_t width = shape.row_stride;
  const auto wrap = [](S* first, std::int64_t count, std::int64_t stride, std::int64_t numbers) {
    std::memcpy(first - stride, first + (count - 1) * stride, numbers * sizeof(S));
    std::memcpy(first + count * stride, first, numbers * sizeof(S));
  };
  if (shape.periodic[1]) {
    for (std::int64_t plane = 0; plane < shape.sizes[0]; ++plane) {
      wrap(data + plane * shape.plane_stride - 2, shape.sizes[1], width, n + 4);
    }
  }
  if (!shape.flat && shape.periodic[0]) {
    wrap(data - width - 2, shape.sizes[0], shape.plane_stride,
         (shape.sizes[1] + 1) * width + n + 4);
  }
}

template GridShape shape_for<float>(bool, const std::int64_t[3], const bool[3]);
template GridShape shape_for<double>(bool, const std::int64_t[3], const bool[3]);
template std::int64_t numbers_of<float>(const GridShape&);
template std::int64_t numbers_of<double>(const GridShape&);
template std::int64_t origin_of<float>(const GridShape&);
template std::int64_t origin_of<double>(const GridShape&);
template void wrap_ghosts<float>(const GridShape&, float*);
template void wrap_ghosts<double>(const GridShape&, double*);

}  // namespace longtail::multigrid
