// Gradients of long convolutions, between transforms of rows in memory (fft_kernels.cuh).
//
//   U spectra of blocks of x, Z of dz = gate_out dy where those blocks have their results
//   dk of (c, h): the sum over rows of conj(U) Z;   dx: the sum over c of conj(K) Z
//
// Every sum is one thread's, over rows in their order: the same bits on every run.
#pragma once

#include "cuda/core/reduce.cuh"
#include "cuda/longconv/conv_forward.cuh"

namespace longtail::cuda {

constexpr int kSkipThreads = 256;

// Block `block` of the inputs of (b, h), in the order [H, B, block].
template <class E>
struct InputBlock {
  std::int64_t block, b, h;

  __device__ InputBlock(const ConvRows<E>& rows, std::int64_t p) {
    const std::int64_t of_blocks = quotient(p, rows.blocks);
    block = p - of_blocks * rows.blocks + rows.first_block;
    h = quotient(of_blocks, rows.shape.batch);
    b = of_blocks - h * rows.shape.batch;
  }
  __device__ std::int64_t row(const ConvRows<E>& rows) const { return b * rows.shape.heads + h; }
  __device__ std::int64_t result_row(const ConvRows<E>& rows, std::int64_t c) const {
    return (b * rows.shape.outputs + c) * rows.shape.heads + h;
  }
};

// Input blocks [first, first + count) and their results' gradients, to work [1 + C, count, N].
template <class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kFftThreads)
    stage_rows(const __grid_constant__ ConvRows<E> rows, std::int64_t first, std::int64_t count,
               const E* grad, S* work) {
  const std::int64_t total = (1 + rows.shape.outputs) * count * rows.size;
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < total;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t row = quotient(i, rows.size), n = i - row * rows.size;
    const std::int64_t which = quotient(row, count);
    const InputBlock<E> of(rows, first + row - which * count);
    const std::int64_t begin = of.block * rows.size;
    Window<E> window = {rows.input(of.row(rows)), begin, 0, S(0)};
    if (which > 0) {
      const std::int64_t low = begin - rows.before;
      window = {rows.gradient(grad, of.result_row(rows, which - 1)), low, low + rows.size,
                rows.whole ? S(0) : S(-1)};
    }
    store_complex(work, i, window(n));
  }
}

// sums [C, H, N] += conj(U) Z over those of `count` blocks that are of a head.
template <class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kFftThreads)
    add_products(const __grid_constant__ ConvRows<E> rows, std::int64_t first, std::int64_t count,
                 const S* work, S* sums) {
  const std::int64_t of_head = rows.shape.batch * rows.blocks;
  const std::int64_t h_begin = quotient(first, of_head);
  const std::int64_t heads = quotient(first + count - 1, of_head) + 1 - h_begin;
  const std::int64_t total = rows.shape.outputs * heads * rows.size;
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < total;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t at = quotient(i, rows.size), n = i - at * rows.size;
    const std::int64_t c = quotient(at, heads), h = h_begin + at - c * heads;
    const std::int64_t begin = h * of_head < first ? 0 : h * of_head - first;
    const std::int64_t last = (h + 1) * of_head - first, end = last < count ? last : count;
    const std::int64_t to = (c * rows.shape.heads + h) * rows.size + n;
    Complex<S> sum = load_complex(sums, to);
    for (std::int64_t r = begin; r < end; ++r) {
      sum = sum + conjugate_times(load_complex(work, r * rows.size + n),
                                  load_complex(work, ((1 + c) * count + r) * rows.size + n));
    }
    store_complex(sums, to, sum);
  }
}

// Takes the place of U: the spectra of dx.
template <class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kFftThreads)
    pull_back(const __grid_constant__ ConvRows<E> rows, std::int64_t first, std::int64_t count,
              const S* spectrum, S* work) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count * rows.size;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t r = quotient(i, rows.size), n = i - r * rows.size;
    const std::int64_t h = InputBlock<E>(rows, first + r).h;
    Complex<S> sum = {S(0), S(0)};
    for (std::int64_t c = 0; c < rows.shape.outputs; ++c) {
      sum =
          sum + conjugate_times(load_complex(spectrum, (c * rows.shape.heads + h) * rows.size + n),
                                load_complex(work, ((1 + c) * count + r) * rows.size + n));
    }
    store_complex(work, i, sum);
  }
}

// du = gate_in dx and d_gate = u dx, dx = conv + the sum over c of skip dz; block -1 is the state.
template <class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kFftThreads)
    finish_rows(const __grid_constant__ ConvRows<E> rows, std::int64_t first, std::int64_t count,
                const E* grad, const S* work, E* du, E* d_gate, E* d_state) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count * rows.size;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t r = quotient(i, rows.size), n = i - r * rows.size;
    const InputBlock<E> of(rows, first + r);
    const std::int64_t at = of.block * rows.size + n, row = of.row(rows);
    S value = load_complex(work, i).re;
    if (at < 0) {
      const std::int64_t states = rows.shape.taps - 1;
      if (at >= -states) d_state[row * states + states + at] = write_as<E>(value);
      continue;
    }
    if (at >= rows.shape.length) continue;
    if (rows.skip != nullptr) {
      for (std::int64_t c = 0; c < rows.shape.outputs; ++c) {
        const S skip = read_number<S>(rows.skip, c * rows.shape.heads + of.h, rows.taps);
        value = fma(skip, rows.gradient(grad, of.result_row(rows, c))[at], value);
      }
    }
    const std::int64_t to = row * rows.shape.length + at;
    if (d_gate != nullptr) d_gate[to] = write_as<E>(value * read_as<S>(rows.u[to]));
    if (rows.gate_in != nullptr) value = value * read_as<S>(rows.gate_in[to]);
    du[to] = write_as<E>(value);
  }
}

// Sums of dz x, in double: block (part, row) of [parts, C * H] takes every parts-th piece.
template <class E, class S = compute_type<E>>
__global__ void __launch_bounds__(kSkipThreads)
    sum_skips(const __grid_constant__ ConvRows<E> rows, std::int64_t parts, const E* grad,
              double* sums) {
  __shared__ double of_warps[kSkipThreads / 32];
  const std::int64_t of_taps = rows.shape.outputs * rows.shape.heads;
  const std::int64_t count = rows.shape.batch * rows.shape.length;
  for (std::int64_t at = blockIdx.x; at < parts * of_taps; at += gridDim.x) {
    const std::int64_t part = at / of_taps, tap = at - part * of_taps;
    const std::int64_t c = tap / rows.shape.heads, h = tap - c * rows.shape.heads;
    double sum = 0;
    for (std::int64_t i = part * kSkipThreads + threadIdx.x; i < count; i += parts * kSkipThreads) {
      const std::int64_t b = quotient(i, rows.shape.length), n = i - b * rows.shape.length;
      const std::int64_t result = (b * rows.shape.outputs + c) * rows.shape.heads + h;
      sum += static_cast<double>(rows.input(b * rows.shape.heads + h)[n]) *
             static_cast<double>(rows.gradient(grad, result)[n]);
    }
    sum = block_sum<kSkipThreads>(sum, of_warps);
    if (threadIdx.x == 0) sums[at] = sum;
  }
}
template <class S>
__global__ void __launch_bounds__(kFftThreads)
    finish_skips(std::int64_t parts, std::int64_t of_taps, const double* sums, DType dtype,
                 void* d_skip) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < of_taps;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    double sum = 0;
    for (std::int64_t part = 0; part < parts; ++part) sum += sums[part * of_taps + i];
    write_number<S>(d_skip, i, dtype, static_cast<S>(sum));
  }
}

template <class S>
__global__ void __launch_bounds__(kFftThreads) fill_zeros(std::int64_t count, S* numbers) {
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < count;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    numbers[i] = S(0);
  }
}

// Gradients of the taps from points of the ring, stage_taps the other way; zeros for those that
// reach nothing. dk_rev may be null.
template <class S>
__global__ void __launch_bounds__(kFftThreads)
    finish_taps(ConvTaps taps, const S* points, void* dk, void* dk_rev) {
  const S scale = S(1) / static_cast<S>(taps.size);
  const std::int64_t before = dk_rev != nullptr ? taps.taps_before : 0;
  const std::int64_t width = taps.taps + before;
  for (std::int64_t i = blockIdx.x * std::int64_t{kFftThreads} + threadIdx.x; i < taps.rows * width;
       i += gridDim.x * std::int64_t{kFftThreads}) {
    const std::int64_t row = quotient(i, width), at = i - row * width;
    const S* const of_row = points + row * 2 * taps.size;
    if (at < taps.taps) {
      const std::int64_t n = taps.whole ? at : taps.reaching_before + at;
      const S value = at < taps.reaching ? scale * load_complex(of_row, n).re : S(0);
      write_number(dk, row * taps.taps + at, taps.dtype, value);
      continue;
    }
    const std::int64_t j = at - taps.taps;
    S value = S(0);
    if (j < taps.reaching_before) {
      value = taps.whole ? load_complex(of_row, taps.size - 1 - j).im
                         : load_complex(of_row, taps.reaching_before - 1 - j).re;
    }
    write_number(dk_rev, row * taps.taps_before + j, taps.dtype, scale * value);
  }
}

}  // namespace longtail::cuda
