// Rows of a long convolution as complex points of the ring (csrc/longconv/fft_plan.h), and back.
//
// A block of N results from n on is one transform of the 2 N numbers of x that they depend on: what
// comes in [n + R - N, n + R) is taken as -x^N times itself, so that the end of the block before
// falls into place. Blocks are so independent of each other. A whole row is one block without a
// past.
#pragma once

#include "cuda/core/element_type.h"
#include "cuda/longconv/fft_layout.h"
#include "longconv/butterfly.h"

namespace longtail::cuda {

using longconv::Complex;

// a / b for a >= 0, b > 0; 64 bits only where it takes them.
__device__ inline std::int64_t quotient(std::int64_t a, std::int64_t b) {
  if (((a | b) >> 32) == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return a / b;
}

// One number of memory whose element type is known at run time.
template <class S>
__device__ inline S read_number(const void* data, std::int64_t at, DType dtype) {
  switch (dtype) {
    case DType::float64:
      return static_cast<S>(static_cast<const double*>(data)[at]);
    case DType::float32:
      return static_cast<S>(static_cast<const float*>(data)[at]);
    case DType::float16:
      return read_as<S>(static_cast<const float16*>(data)[at]);
    default:
      return read_as<S>(static_cast<const bfloat16*>(data)[at]);
  }
}
template <class S>
__device__ inline void write_number(void* data, std::int64_t at, DType dtype, S value) {
  switch (dtype) {
    case DType::float64:
      static_cast<double*>(data)[at] = value;
      break;
    case DType::float32:
      static_cast<float*>(data)[at] = static_cast<float>(value);
      break;
    case DType::float16:
      static_cast<float16*>(data)[at] = write_as<float16>(value);
      break;
    default:
      static_cast<bfloat16*>(data)[at] = write_as<bfloat16>(value);
  }
}

// A gated row: zeros outside of it, but for its state, which ends where it begins.
template <class E>
struct GatedRow {
  using S = compute_type<E>;
  const E *row, *gate, *state;  // gate and state may be null
  std::int64_t length, states;

  __device__ S operator[](std::int64_t n) const {
    if (n >= 0) {
      if (n >= length) return S(0);
      const S value = read_as<S>(row[n]);
      return gate != nullptr ? value * read_as<S>(gate[n]) : value;
    }
    return state != nullptr && n >= -states ? read_as<S>(state[states + n]) : S(0);
  }
};

// Numbers low + n and high + n of a row as a point; `sign` of the latter, 0 for none.
template <class E>
struct Window {
  using S = compute_type<E>;
  GatedRow<E> row;
  std::int64_t low, high;
  S sign;

  __device__ Complex<S> operator()(std::int64_t n) const {
    return {row[low + n], sign != S(0) ? sign * row[high + n] : S(0)};
  }
};

// What the kernels are told of a call.
template <class E>
struct ConvRows {
  longconv::ConvShape shape;
  std::int64_t size;    // N
  std::int64_t before;  // R, as far as it reaches; 0 where rows are whole
  bool whole;
  std::int64_t first_block, blocks;  // of inputs of a row; those of results begin at 0
  std::int64_t result_blocks;
  DType taps;
  const E *u, *gate_in, *gate_out, *state;  // the last three may be null
  const void* skip;                         // too

  ConvRows(const longconv::ConvShape& of, const ConvLayout& layout, DType taps_type,
           const longconv::ConvInputs& in);

  __device__ std::int64_t results() const {
    return shape.outputs * shape.heads * shape.batch * result_blocks;
  }
  __device__ GatedRow<E> input(std::int64_t row) const {
    const std::int64_t states = shape.taps - 1;
    return {u + row * shape.length, gate_in != nullptr ? gate_in + row * shape.length : nullptr,
            state != nullptr ? state + row * states : nullptr, shape.length, states};
  }
  // dy times the gate of results.
  __device__ GatedRow<E> gradient(const E* grad, std::int64_t row) const {
    return {grad + row * shape.length,
            gate_out != nullptr ? gate_out + row * shape.length : nullptr, nullptr, shape.length,
            0};
  }
};

// Block `block` of the results of (b, c, h), in the order [C, H, B, block].
template <class E>
struct ResultBlock {
  using S = compute_type<E>;
  const ConvRows<E>& rows;
  std::int64_t block, b, h, c;

  __device__ ResultBlock(const ConvRows<E>& of, std::int64_t p) : rows(of) {
    const std::int64_t of_blocks = quotient(p, rows.result_blocks);
    const std::int64_t of_batch = quotient(of_blocks, rows.shape.batch);
    block = p - of_blocks * rows.result_blocks;
    b = of_blocks - of_batch * rows.shape.batch;
    c = quotient(of_batch, rows.shape.heads);
    h = of_batch - c * rows.shape.heads;
  }
  __device__ GatedRow<E> input() const { return rows.input(b * rows.shape.heads + h); }
  __device__ Window<E> window() const {
    const std::int64_t low = block * rows.size + rows.before;
    return {input(), low, low - rows.size, rows.whole ? S(0) : S(1)};
  }
};

// Where results of a block go: gate_out (conv + skip x).
template <class E>
struct ResultSink {
  using S = compute_type<E>;
  GatedRow<E> input;
  const E* gate;  // or null
  E* y;
  S skip;
  bool skips;
  std::int64_t begin;

  __device__ ResultSink(const ConvRows<E>& rows, std::int64_t p, E* to)
      : ResultSink(rows, ResultBlock<E>(rows, p), to) {}
  __device__ ResultSink(const ConvRows<E>& rows, const ResultBlock<E>& of, E* to)
      : input(of.input()), gate(nullptr), skip(0), skips(rows.skip != nullptr) {
    const longconv::ConvShape& shape = rows.shape;
    const std::int64_t row = ((of.b * shape.outputs + of.c) * shape.heads + of.h) * shape.length;
    if (rows.gate_out != nullptr) gate = rows.gate_out + row;
    y = to + row;
    if (skips) skip = read_number<S>(rows.skip, of.c * shape.heads + of.h, rows.taps);
    begin = of.block * rows.size;
  }
  __device__ void operator()(std::int64_t n, const Complex<S>& z) const {
    const std::int64_t at = begin + n;
    if (at >= input.length) return;
    S value = z.re;
    if (skips) value = fma(skip, input[at], value);
    if (gate != nullptr) value = value * read_as<S>(gate[at]);
    y[at] = write_as<E>(value);
  }
};

}  // namespace longtail::cuda
