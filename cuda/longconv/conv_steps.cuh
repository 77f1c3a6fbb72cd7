// The kernels of a call in their order. `Launch` starts them: on a stream (long_conv_launch.cuh),
// or as fibres of the CPU (tests/cpp/test_long_conv_cuda.cpp).
#pragma once

#include <algorithm>

#include "cuda/longconv/conv_backward.cuh"
#include "cuda/longconv/long_conv_launch.h"
#include "longconv/long_conv_rows.h"

namespace longtail::cuda {

constexpr std::int64_t kMostConvBlocks = std::int64_t{1} << 20;  // the others take turns

inline unsigned conv_blocks(std::int64_t total, std::int64_t of_block) {
  return static_cast<unsigned>(std::min((total + of_block - 1) / of_block, kMostConvBlocks));
}

template <class E>
ConvRows<E>::ConvRows(const longconv::ConvShape& of, const ConvLayout& layout, DType taps_type,
                      const longconv::ConvInputs& in)
    : shape(of),
      size(layout.size),
      before(layout.whole ? 0 : longconv::reaching_taps_before(of)),
      whole(layout.whole),
      first_block(of.state ? -1 : 0),
      result_blocks((of.length + size - 1) / size),
      taps(taps_type),
      u(static_cast<const E*>(in.u)),
      gate_in(static_cast<const E*>(in.gate_in)),
      gate_out(static_cast<const E*>(in.gate_out)),
      state(of.state ? static_cast<const E*>(in.state) : nullptr),
      skip(in.skip) {
  blocks = result_blocks - first_block;
}

inline ConvTaps::ConvTaps(const longconv::ConvShape& shape, const ConvLayout& layout, DType type)
    : rows(shape.outputs * shape.heads),
      size(layout.size),
      taps(shape.taps),
      taps_before(shape.taps_before),
      reaching(longconv::reaching_taps(shape)),
      reaching_before(longconv::reaching_taps_before(shape)),
      whole(layout.whole),
      dtype(type) {}

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

  // Between the passes over memory: times spectra, each of which is for `of_spectrum` rows.
  void convolve(std::int64_t rows, std::int64_t first_row, std::int64_t of_spectrum,
                const S* spectrum, S* data) const;

 private:
  template <bool Forward>
  void pass(int p, std::int64_t rows, S* data) const {
    const RootPass& pass = layout_.roots.pass[p];
    const std::int64_t step = pass.length / kMemoryRadix;
    const std::int64_t count = rows * (layout_.size / pass.length);
    each(count * step, pass_rows<Forward, S>, count, step, pass.of_rows, roots(p), data);
  }
  std::int64_t blocks_a_row() const { return layout_.size / layout_.points; }
  bool of_rows() const { return layout_.memory_passes == 0; }
  const S* block_roots() const { return roots(layout_.memory_passes); }

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
  const std::int64_t count = rows * blocks_a_row();
  with_points<S>(layout_.points, [&](auto points) {
    tiles<points>(count, transform_blocks<points, S>, count, of_rows(), block_roots(), scale, data);
  });
}
template <class S, class Launch>
void FftSteps<S, Launch>::restore(std::int64_t rows, S* data) const {
  const std::int64_t count = rows * blocks_a_row();
  with_points<S>(layout_.points, [&](auto points) {
    tiles<points>(count, restore_blocks<points, S>, count, of_rows(), block_roots(), data);
  });
  unite(0, rows, data);
}
template <class S, class Launch>
void FftSteps<S, Launch>::convolve(std::int64_t rows, std::int64_t first_row,
                                   std::int64_t of_spectrum, const S* spectrum, S* data) const {
  const std::int64_t of_row = blocks_a_row(), count = rows * of_row;
  with_points<S>(layout_.points, [&](auto points) {
    tiles<points>(count, convolve_blocks<points, S>, count, of_row, first_row, of_spectrum,
                  block_roots(), spectrum, data);
  });
}

template <class E, class Launch>
class ConvSteps {
 public:
  using S = compute_type<E>;

  ConvSteps(const ConvProblem& problem, const Launch& launch, S* roots)
      : problem_(problem), fft_(problem.layout, launch, roots), launch_(launch) {}

  void spectrum(const void* k, const void* k_rev, S* to) const {
    const ConvTaps taps(problem_.shape, problem_.layout, problem_.types.taps);
    fft_.each(taps.rows * taps.size, stage_taps<S>, taps, k, k_rev, to);
    fft_.transform(taps.rows, S(1) / static_cast<S>(taps.size), to);
  }

  // work: conv_forward_work() numbers.
  void forward(const longconv::ConvInputs& inputs, S* work, void* y) const {
    const ConvRows<E> rows(problem_.shape, problem_.layout, problem_.types.taps, inputs);
    const auto* spectrum = static_cast<const S*>(inputs.spectrum);
    auto* const to = static_cast<E*>(y);
    const std::int64_t of_spectrum = rows.shape.batch * rows.result_blocks;
    const std::int64_t count = rows.shape.outputs * rows.shape.heads * of_spectrum;
    if (count == 0) return;
    if (problem_.layout.memory_passes == 0) {
      with_points<S>(rows.size, [&](auto points) {
        fft_.template tiles<points>(count, convolve_rows<points, E>, rows, fft_.roots(0), spectrum,
                                    to);
      });
      return;
    }
    const std::int64_t chunk = conv_rows_at_once(problem_, 1);
    for (std::int64_t first = 0; first < count; first += chunk) {
      const std::int64_t n = std::min(chunk, count - first);
      const std::int64_t points = n * (rows.size / kMemoryRadix);
      fft_.each(points, enter_rows<E>, rows, first, n, fft_.roots(0), work);
      fft_.divide(1, n, work);
      fft_.convolve(n, first, of_spectrum, spectrum, work);
      fft_.unite(1, n, work);
      fft_.each(points, leave_rows<E>, rows, first, n, fft_.roots(0), work, to);
    }
  }

  // work: conv_backward_work() numbers; sums: conv_tap_sums() of S; skips: conv_skip_sums()
  // doubles.
  void backward(const longconv::ConvInputs& inputs, const void* grad,
                const longconv::ConvGradients& to, S* work, S* sums, double* skips) const {
    const ConvRows<E> rows(problem_.shape, problem_.layout, problem_.types.taps, inputs);
    const auto* dy = static_cast<const E*>(grad);
    const auto* spectrum = static_cast<const S*>(inputs.spectrum);
    const longconv::ConvShape& shape = rows.shape;
    const ConvTaps taps(shape, problem_.layout, problem_.types.taps);
    fft_.each(taps.rows * 2 * rows.size, fill_zeros<S>, taps.rows * 2 * rows.size, sums);
    const std::int64_t count = shape.heads * shape.batch * rows.blocks;
    const std::int64_t spectra = 1 + shape.outputs;
    const std::int64_t chunk = conv_rows_at_once(problem_, spectra);
    for (std::int64_t first = 0; first < count && shape.outputs > 0; first += chunk) {
      const std::int64_t n = std::min(chunk, count - first), of_head = shape.batch * rows.blocks;
      fft_.each(spectra * n * rows.size, stage_rows<E>, rows, first, n, dy, work);
      fft_.transform(spectra * n, S(1), work);
      const std::int64_t heads = (first + n - 1) / of_head + 1 - first / of_head;
      fft_.each(shape.outputs * heads * rows.size, add_products<E>, rows, first, n, work, sums);
      fft_.each(n * rows.size, pull_back<E>, rows, first, n, spectrum, work);
      fft_.restore(n, work);
      fft_.each(n * rows.size, finish_rows<E>, rows, first, n, dy, work, static_cast<E*>(to.u),
                static_cast<E*>(to.gate_in), static_cast<E*>(to.state));
    }
    fft_.restore(taps.rows, sums);
    const std::int64_t width = taps.taps + (to.taps_before != nullptr ? taps.taps_before : 0);
    fft_.each(taps.rows * width, finish_taps<S>, taps, sums, to.taps, to.taps_before);
    if (to.skip != nullptr && taps.rows > 0) {
      const std::int64_t parts = conv_skip_sums(shape) / taps.rows;
      launch_(sum_skips<E>, conv_blocks(parts * taps.rows, 1), kSkipThreads, 0, rows, parts, dy,
              skips);
      fft_.each(taps.rows, finish_skips<S>, parts, taps.rows, skips, problem_.types.taps, to.skip);
    }
  }

 private:
  const ConvProblem& problem_;
  FftSteps<S, Launch> fft_;
  const Launch& launch_;
};

}  // namespace longtail::cuda
