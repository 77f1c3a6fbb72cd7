// Transforms of rows in memory, kernel after kernel. `Launch` starts them, as conv_steps.cuh says.
#pragma once

#include <algorithm>
#include <type_traits>

#include "cuda/longconv/fft_kernels.cuh"

namespace longtail::cuda {

constexpr std::int64_t kMostConvBlocks = std::int64_t{1} << 20;  // the others take turns

inline unsigned conv_blocks(std::int64_t total, std::int64_t of_block) {
  return static_cast<unsigned>(std::min((total + of_block - 1) / of_block, kMostConvBlocks));
}

// Calls run(std::integral_constant<int, points>()).
template <class S, class Run>
void with_points(std::int64_t points, const Run& run) {
  switch (points) {
    case 256:
      return run(std::integral_constant<int, 256>());
    case 512:
      return run(std::integral_constant<int, 512>());
    case 1024:
      return run(std::integral_constant<int, 1024>());
    case 2048:
      return run(std::integral_constant<int, 2048>());
    case 4096:
      return run(std::integral_constant<int, 4096>());
    case 8192:
      return run(std::integral_constant<int, 8192>());
    default:  // doubles do not fit
      if constexpr (sizeof(S) == 4) return run(std::integral_constant<int, 16384>());
  }
}

// Calls run(std::integral_constant<int, radix>()), of a first pass over memory.
template <class Run>
void with_radix(int radix, const Run& run) {
  switch (radix) {
    case 3:
      return run(std::integral_constant<int, 3>());
    case 5:
      return run(std::integral_constant<int, 5>());
    default:
      return run(std::integral_constant<int, kMemoryRadix>());
  }
}

// Transforms of rows in memory. What is defined outside the class is compiled once for each S, not
// for each type of rows (long_conv_launch.cuh).
template <class S, class Launch>
class FftSteps {
 public:
  FftSteps(const ConvLayout& layout, const Launch& launch, S* roots);

  // A kernel of kFftThreads threads for `total` numbers.
  template <class... P, class... A>
  void each(std::int64_t total, void (*kernel)(P...), const A&... arguments) const {
    if (total > 0) launch_(kernel, conv_blocks(total, kFftThreads), kFftThreads, 0, arguments...);
  }
  // A kernel over `total` blocks of Points numbers in shared memory.
  template <int Points, class... P, class... A>
  void tiles(std::int64_t total, void (*kernel)(P...), const A&... arguments) const {
    using T = Tile<S, Points>;
    if (total == 0) return;
    launch_(kernel, conv_blocks(total, T::kRows), T::kThreads, T::kBytes, arguments...);
  }

  const S* roots(int pass) const { return roots_ + 2 * layout_.roots.pass[pass].begin; }

  // Passes over memory from number `first` on, and back to it.
  void divide(int first, std::int64_t rows, S* data) const;
  void unite(int first, std::int64_t rows, S* data) const;

  void transform(std::int64_t rows, S scale, S* data) const;
  void restore(std::int64_t rows, S* data) const;

  // Between the passes over memory: there, times spectra and back; or one half of that.
  void convolve(std::int64_t rows, const Spectra<S>& spectra, S* data) const;
  void transform_rest(std::int64_t rows, S scale, S* data) const;
  void restore_rest(std::int64_t rows, S* from, const Spectra<S>& spectra, S* data) const;

  std::int64_t blocks_a_row() const { return layout_.size / layout_.points; }
  const S* block_roots() const { return roots(layout_.memory_passes); }

 private:
  template <bool Forward>
  void pass(int p, std::int64_t rows, S* data) const {
    const RootPass& pass = layout_.roots.pass[p];
    const std::int64_t count = rows * (layout_.size / pass.length);
    const auto run = [&](auto radix) {
      each(count * pass.step, pass_rows<radix, Forward, S>, count, pass.step, p == 0, roots(p),
           data);
    };
    const int radix = layout_.radix_of(p);
    if (radix == 4) {  // of parts only
      run(std::integral_constant<int, 4>());
    } else {
      with_radix(radix, run);
    }
  }
  bool of_rows() const { return layout_.memory_passes == 0; }

  const ConvLayout& layout_;
  const Launch& launch_;
  S* roots_;
};

template <class S, class Launch>
FftSteps<S, Launch>::FftSteps(const ConvLayout& layout, const Launch& launch, S* roots)
    : layout_(layout), launch_(launch), roots_(roots) {
  each(layout.roots.size, fill_roots<S>, layout.roots, roots);
}

template <class S, class Launch>
void FftSteps<S, Launch>::divide(int first, std::int64_t rows, S* data) const {
  for (int p = first; p < layout_.memory_passes; ++p) pass<true>(p, rows, data);
}
template <class S, class Launch>
void FftSteps<S, Launch>::unite(int first, std::int64_t rows, S* data) const {
  for (int p = layout_.memory_passes; p-- > first;) pass<false>(p, rows, data);
}

template <class S, class Launch>
void FftSteps<S, Launch>::transform(std::int64_t rows, S scale, S* data) const {
  divide(0, rows, data);
  transform_rest(rows, scale, data);
}
template <class S, class Launch>
void FftSteps<S, Launch>::restore(std::int64_t rows, S* data) const {
  restore_rest(rows, data, {}, data);
  unite(0, rows, data);
}
template <class S, class Launch>
void FftSteps<S, Launch>::transform_rest(std::int64_t rows, S scale, S* data) const {
  const std::int64_t count = rows * blocks_a_row();
  with_points<S>(layout_.points, [&](auto points) {
    tiles<points>(count, transform_blocks<points, S>, count, of_rows(), block_roots(), scale, data);
  });
}
template <class S, class Launch>
void FftSteps<S, Launch>::restore_rest(std::int64_t rows, S* from, const Spectra<S>& spectra,
                                       S* data) const {
  const std::int64_t count = rows * blocks_a_row();
  with_points<S>(layout_.points, [&](auto points) {
    tiles<points>(count, restore_blocks<points, S>, count, of_rows(), block_roots(), from, spectra,
                  data);
  });
}
template <class S, class Launch>
void FftSteps<S, Launch>::convolve(std::int64_t rows, const Spectra<S>& spectra, S* data) const {
  const std::int64_t count = rows * blocks_a_row();
  with_points<S>(layout_.points, [&](auto points) {
    tiles<points>(count, convolve_blocks<points, S>, count, block_roots(), spectra, data);
  });
}

}  // namespace longtail::cuda
