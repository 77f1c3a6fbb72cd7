// The kernels of a call in their order. `Launch` starts them: on a stream (long_conv_launch.cuh),
// or as fibres of the CPU (tests/cpp/test_long_conv_cuda.cpp).
#pragma once

#include <algorithm>

#include "cuda/longconv/conv_backward.cuh"
#include "cuda/longconv/conv_parts.cuh"
#include "cuda/longconv/fft_steps.cuh"
#include "cuda/longconv/long_conv_launch.h"
#include "longconv/long_conv_rows.h"

namespace longtail::cuda {

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

// As with_points(), for those of a part.
template <class S, class Run>
void with_part_points(std::int64_t points, const Run& run) {
  switch (points) {
    case 2048:
      return run(std::integral_constant<int, 2048>());
    case 4096:
      return run(std::integral_constant<int, 4096>());
    default:  // doubles do not fit
      if constexpr (sizeof(S) == 4) return run(std::integral_constant<int, 8192>());
  }
}

// Blocks for kernels whose neighbouring tiles share what they read: up to eight to a block, if
// enough blocks are left to keep a GPU busy to the end.
inline unsigned neighbour_blocks(std::int64_t tiles) {
  constexpr std::int64_t enough = 4096, of_block = 8;
  const std::int64_t blocks = std::max(enough, (tiles + of_block - 1) / of_block);
  return static_cast<unsigned>(std::min({tiles, blocks, kMostConvBlocks}));
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
    if (rows.shape.outputs * rows.shape.heads * rows.shape.batch * rows.result_blocks == 0) return;
    if (problem_.layout.parts > 1) {
      in_parts(rows, spectrum, static_cast<E*>(y));
    } else if (problem_.layout.memory_passes == 0) {
      in_one_kernel(rows, spectrum, static_cast<E*>(y));
    } else {
      with_radix(problem_.layout.radix_of(0),
                 [&](auto radix) { over_memory<radix>(rows, spectrum, work, static_cast<E*>(y)); });
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
  void in_one_kernel(const ConvRows<E>& rows, const S* spectrum, E* y) const {
    const longconv::ConvShape& shape = rows.shape;
    const bool together = shape.outputs > 1 && room_together(rows.size) <= problem_.layout.room;
    with_points<S>(rows.size, [&](auto points) {
      using T = Tile<S, points>;
      const auto start = [&](auto kernel, std::int64_t count, std::size_t bytes) {
        launch_(kernel, neighbour_blocks((count + T::kRows - 1) / T::kRows), T::kThreads, bytes,
                rows, fft_.roots(0), spectrum, y);
      };
      const std::int64_t count = shape.heads * shape.batch * rows.result_blocks;
      if (!together) {
        start(convolve_rows<points, false, E>, shape.outputs * count, T::kBytes);
      } else if constexpr (2 * T::kBytes <= kMostSharedBytes) {
        start(convolve_rows<points, true, E>, count, 2 * T::kBytes);
      }
    });
  }

  void in_parts(const ConvRows<E>& rows, const S* spectrum, E* y) const {
    const longconv::ConvShape& shape = rows.shape;
    const ConvLayout& layout = problem_.layout;
    with_part_points<S>(layout.points, [&](auto points) {
      launch_(convolve_parts<points, E>,
              neighbour_blocks(shape.outputs * shape.heads * shape.batch * rows.result_blocks),
              PartTile<S, points>::kThreads, bytes_of_parts<S, points>(layout.parts), rows,
              layout.parts, fft_.block_roots(), fft_.roots(layout.first_part_pass), spectrum, y);
    });
  }

  template <int Radix>
  void over_memory(const ConvRows<E>& rows, const S* spectrum, S* work, E* y) const {
    const longconv::ConvShape& shape = rows.shape;
    const std::int64_t of_spectrum = shape.batch * rows.result_blocks;
    const std::int64_t count = shape.heads * of_spectrum, step = rows.size / Radix;
    const std::int64_t chunk = conv_rows_at_once(problem_, shape.outputs > 1 ? 2 : 1);
    for (std::int64_t first = 0; first < count; first += chunk) {
      const std::int64_t n = std::min(chunk, count - first);
      fft_.each(n * step, enter_rows<Radix, E>, rows, first, n, fft_.roots(0), work);
      fft_.divide(1, n, work);
      // Several outputs: transforms of rows stay in the first half of the memory.
      S* const way_back = shape.outputs > 1 ? work + n * 2 * rows.size : work;
      if (shape.outputs > 1) fft_.transform_rest(n, S(1), work);
      for (std::int64_t c = 0; c < shape.outputs; ++c) {
        const Spectra<S> spectra{spectrum, c * count + first, of_spectrum, fft_.blocks_a_row()};
        if (shape.outputs > 1) {
          fft_.restore_rest(n, work, spectra, way_back);
        } else {
          fft_.convolve(n, spectra, work);
        }
        fft_.unite(1, n, way_back);
        fft_.each(n * step, leave_rows<Radix, E>, rows, c * count + first, n, fft_.roots(0),
                  way_back, y);
      }
    }
  }

  const ConvProblem& problem_;
  FftSteps<S, Launch> fft_;
  const Launch& launch_;
};

}  // namespace longtail::cuda
