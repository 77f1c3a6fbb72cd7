// The rows of hadamard.h, compiled once per CPU level.
//
// A row is read once and written once: the first pass takes it from x, later passes work where the
// first left it (y itself, or the scratch row for 16-bit elements), the last one scales.

#include "attention/butterfly.h"
#include "attention/hadamard_level.h"
#include "core/half_lanes.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {
namespace {

// Bytes of a row up to which the next one is fetched while it is finished: both fit the L1 cache.
// The stride of the passes hides the order of the rows from the hardware's own prefetcher.
inline constexpr std::int64_t kPrefetched = std::int64_t{1} << 14;

/// Stages inside blocks of `span` < lanes elements; `total` is a multiple of span.
template <int span, class T, class E, class Out>
void narrow_blocks(std::int64_t total, const E* x, T scale, Out* y) {
  constexpr int width = kLanes<T>;
  std::int64_t i = 0;
  for (; i + width <= total; i += width) {
    store_narrow(y + i, T(lane_stages<span>(load_wide<T>(x + i)) * scale));
  }
  if (i < total) {
    const int rest = static_cast<int>(total - i);
    const T a = load_lanes<T>(x + i, rest, scalar_t<T>(0));
    store_lanes(y + i, T(lane_stages<span>(a) * scale), rest);
  }
}

/// One pass of butterflies of `count` vectors, `step` elements apart, over `block` elements. Asks
/// for the memory at `next`, if it is given, element for element with what it writes.
template <int count, int span, class T, class E, class Out, class Finish, class Next = E>
LONGTAIL_INLINE void pass(std::int64_t block, std::int64_t step, const E* x, Out* y,
                          const Finish& finish, const Next* next = nullptr) {
  for (std::int64_t outer = 0; outer < block; outer += count * step) {
    for (std::int64_t i = outer; i < outer + step; i += kLanes<T>) {
      butterfly_pass<count, span, T>([&](int v) { return load_wide<T>(x + i + v * step); },
                                     [&](int v, T a) {
                                       store_narrow(y + i + v * step, T(finish(a)));
                                       if (next) __builtin_prefetch(next + i + v * step);
                                     });
    }
  }
}

/// `blocks` transforms of `block` >= lanes elements each, from x to y. `work` holds what is between
/// passes of one block: y itself where the types agree.
template <class T, class E, class Out>
void wide_blocks(std::int64_t blocks, std::int64_t block, const E* x, T scale, Out* y,
                 scalar_t<T>* scratch) {
  constexpr int width = kLanes<T>;
  const Passes passes{log2_of(block / width)};
  const auto scaled = [&](T a) { return a * scale; };
  const auto plain = [](T a) { return a; };
  if (passes.count() == 1) {
    with_vector_count(block / width, [&](auto size) {
      pass<decltype(size)::value, width, T>(blocks * block, width, x, y, scaled);
    });
    return;
  }
  const int last = passes.count() - 1;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const E* from = x + b * block;
    Out* to = y + b * block;
    scalar_t<T>* work = scratch;
    if constexpr (std::is_same_v<Out, scalar_t<T>>) work = to;
    with_vector_count(passes.size(0), [&](auto size) {
      pass<decltype(size)::value, width, T>(block, width, from, work, plain);
    });
    std::int64_t step = width * passes.size(0);
    for (int p = 1; p < last; ++p) {
      with_vector_count(passes.size(p), [&](auto size) {
        pass<decltype(size)::value, 1, T>(block, step, work, work, plain);
      });
      step *= passes.size(p);
    }
    const E* next = b + 1 < blocks && block <= kPrefetched / std::int64_t(sizeof(scalar_t<T>))
                        ? from + block
                        : nullptr;
    with_vector_count(passes.size(last), [&](auto size) {
      pass<decltype(size)::value, 1, T>(block, step, work, to, scaled, next);
    });
  }
}

/// Sylvester's transform of `blocks` blocks of a power of two.
template <class T, class E, class Out>
void blocks_of(std::int64_t blocks, std::int64_t block, const E* x, T scale, Out* y,
               scalar_t<T>* scratch) {
  if (block >= kLanes<T>) return wide_blocks<T>(blocks, block, x, scale, y, scratch);
  const std::int64_t total = blocks * block;
  if constexpr (kLanes<T> > 1) {
    if (block == 1) return narrow_blocks<1>(total, x, scale, y);
  }
  if constexpr (kLanes<T> > 2) {
    if (block == 2) return narrow_blocks<2>(total, x, scale, y);
  }
  if constexpr (kLanes<T> > 4) {
    if (block == 4) return narrow_blocks<4>(total, x, scale, y);
  }
  if constexpr (kLanes<T> > 8) narrow_blocks<8>(total, x, scale, y);
}

/// y[i][c] = scale * sum over j of sign[i][j] a[j][c] for `columns` vectors of the `block` columns,
/// four rows at a time, so that the sums stay in registers.
template <int columns, class T, class Out>
LONGTAIL_INLINE void mix_columns(const HadamardJob& job, std::int64_t block, const scalar_t<T>* a,
                                 T scale, Out* y) {
  using S = scalar_t<T>;
  constexpr int width = kLanes<T>, rows = 4;  // every K is a multiple of 4
  const int base = job.base;
  for (int i = 0; i < base; i += rows) {
    const S* sign = static_cast<const S*>(job.signs) + i * base;
    T sum[rows][columns];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int c = 0; c < columns; ++c) sum[r][c] = T(S(0));
    }
    for (int j = 0; j < base; ++j) {
#pragma GCC unroll 4
      for (int c = 0; c < columns; ++c) {
        const T value = load<T>(a + j * block + c * width);
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) sum[r][c] = fma(T(sign[r * base + j]), value, sum[r][c]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int c = 0; c < columns; ++c) {
        store_narrow(y + (i + r) * block + c * width, T(sum[r][c] * scale));
      }
    }
  }
}

template <class T, class Out>
void mix(const HadamardJob& job, std::int64_t block, const scalar_t<T>* a, T scale, Out* y) {
  constexpr int width = kLanes<T>, most = kButterflyVectors / 4;
  std::int64_t c = 0;
  for (; c + most * width <= block; c += most * width) {
    mix_columns<most, T>(job, block, a + c, scale, y + c);
  }
  for (; c < block; c += width) mix_columns<1, T>(job, block, a + c, scale, y + c);
}

/// Puts rows of K blocks narrower than a vector side by side, so that block j of all of them makes
/// one vector; or takes them apart again.
template <int block, bool Together, class S>
LONGTAIL_INLINE void interleave(std::int64_t rows, int base, std::int64_t width, const S* from,
                                S* to) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int j = 0; j < base; ++j) {
      const std::int64_t apart = (r * base + j) * block, together = j * width + r * block;
#pragma GCC unroll 16
      for (int c = 0; c < block; ++c) {
        Together ? to[together + c] = from[apart + c] : to[apart + c] = from[together + c];
      }
    }
  }
}

/// Rows with blocks narrower than a vector, as many at a time as fill one.
template <class T, class E>
void mixed_narrow_rows(const HadamardJob& job, std::int64_t rows, const E* x, T scale, E* y,
                       scalar_t<T>* scratch) {
  using S = scalar_t<T>;
  constexpr int width = kLanes<T>;
  const std::int64_t n = job.base * job.block, group = width / job.block;
  S* const other = scratch + job.base * width;
  for (std::int64_t r = 0; r < rows; r += group) {
    const std::int64_t count = rows - r < group ? rows - r : group;
    if (count < group) {
      for (int i = 0; i < job.base * width; ++i) other[i] = S(0);
    }
    blocks_of<T>(count * job.base, job.block, x + r * n, T(S(1)), scratch, scratch);
    with_vector_count(job.block, [&](auto block) {
      interleave<decltype(block)::value, true>(count, job.base, width, scratch, other);
    });
    mix<T>(job, width, other, scale, scratch);
    with_vector_count(job.block, [&](auto block) {
      interleave<decltype(block)::value, false>(count, job.base, width, scratch, other);
    });
    narrow_blocks<1>(count * n, other, T(S(1)), y + r * n);
  }
}

template <class E>
void transform_rows(const HadamardJob& job, std::int64_t rows, const void* x_data, void* y_data,
                    void* scratch_data) {
  using T = compute_t<E>;
  using S = scalar_t<T>;
  const E* x = static_cast<const E*>(x_data);
  E* y = static_cast<E*>(y_data);
  S* scratch = static_cast<S*>(scratch_data);
  const T scale = T(static_cast<S>(job.scale));
  if (job.base == 1) return blocks_of<T>(rows, job.block, x, scale, y, scratch);
  if (job.block < kLanes<T>) return mixed_narrow_rows<T>(job, rows, x, scale, y, scratch);
  const std::int64_t n = job.base * job.block;
  for (std::int64_t r = 0; r < rows; ++r) {
    blocks_of<T>(job.base, job.block, x + r * n, T(S(1)), scratch, scratch);
    mix<T>(job, job.block, scratch, scale, y + r * n);
  }
}

constexpr HadamardKernels hadamard_kernels() {
  HadamardKernels kernels{};
  kernels.rows[static_cast<int>(DType::float64)] = transform_rows<double>;
  kernels.rows[static_cast<int>(DType::float32)] = transform_rows<float>;
  kernels.rows[static_cast<int>(DType::float16)] = transform_rows<float16>;
  kernels.rows[static_cast<int>(DType::bfloat16)] = transform_rows<bfloat16>;
  return kernels;
}

}  // namespace

extern const HadamardKernels kHadamardKernels;
const HadamardKernels kHadamardKernels = hadamard_kernels();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
