// The rows of short_conv_level.h, compiled once per CPU level.
//
// A row is taken in blocks of kBlockPoints; what a block reads lies in the caches beside it. With
// P = W - 1, `before` is a row with P numbers in front of it: x with the state, or for the backward
// sweep the gradient with zeros, so that tap t of result n meets before[n + t].
#include "longconv/short_conv_steps.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {
namespace {

constexpr std::int64_t kBlockPoints = 1024;
constexpr std::int64_t kMostLanes = 16;
// What a block may read: P numbers in front, P zeros behind the last, a vector with spare lanes.
constexpr std::int64_t kStagedPoints = kBlockPoints + 2 * kMostShortTaps + kMostLanes;

/// Vectors of results, or taps, whose sums are formed side by side.
constexpr int kGroup = 8;

/// Calls finish(n, lanes, whole, sum) with bias + sum over t of taps[t] x[n + t], for each vector
/// of `count` results. Reads whole vectors: up to a vector beyond x[count + width - 2].
template <class T, class S, class Finish>
LONGTAIL_INLINE void convolve(std::int64_t count, const S* x, const S* taps, std::int64_t width,
                              S bias, const Finish& finish) {
  constexpr int lanes = kLanes<T>;
  std::int64_t n = 0;
  for (; n + kGroup * lanes <= count; n += kGroup * lanes) {
    T sum[kGroup];
    for (int i = 0; i < kGroup; ++i) sum[i] = T(bias);
    for (std::int64_t t = 0; t < width; ++t) {
      const T tap = T(taps[t]);
      for (int i = 0; i < kGroup; ++i) sum[i] = fma(tap, load<T>(x + n + t + i * lanes), sum[i]);
    }
    for (int i = 0; i < kGroup; ++i) finish(n + i * lanes, lanes, std::true_type(), sum[i]);
  }
  each_vector<T>(count - n, [&](std::int64_t i, int some, auto whole) {
    T sum = T(bias);
    for (std::int64_t t = 0; t < width; ++t) {
      sum = fma(T(taps[t]), load<T>(x + n + i + t), sum);
    }
    finish(n + i, some, whole, sum);
  });
}

template <class T>
LONGTAIL_INLINE double sum_of_lanes(T a) {
  double sum = 0;
  for (int i = 0; i < kLanes<T>; ++i) sum += static_cast<double>(lane(a, i));
  return sum;
}

/// totals[t] += sum over n < count of g[n] x[n + t] for Taps taps. No product is formed of what
/// lies behind: 0 times infinity would not be 0.
template <class T, int Taps, class S>
LONGTAIL_INLINE void add_products(std::int64_t count, const S* g, const S* x, double* totals) {
  T sum[Taps];
  for (int t = 0; t < Taps; ++t) sum[t] = T(S(0));
  each_vector<T>(count, [&](std::int64_t n, int some, auto whole) {
    const T a = take<T>(g + n, some, whole);
    for (int t = 0; t < Taps; ++t) sum[t] = fma(a, take<T>(x + n + t, some, whole), sum[t]);
  });
  for (int t = 0; t < Taps; ++t) totals[t] += sum_of_lanes(sum[t]);
}

/// What a lane adds up in its own precision before it becomes double.
constexpr std::int64_t kLaneTerms = 64;

/// totals[0 ... W - 1] by the products with x, totals[W] by the sum of g.
template <class T, class S>
void add_totals(std::int64_t count, std::int64_t width, const S* g, const S* x, double* totals) {
  constexpr std::int64_t most = kLaneTerms * kLanes<T>;
  for (; count > 0; count -= most, g += most, x += most) {
    const std::int64_t part = count < most ? count : most;
    std::int64_t t = 0;
    for (; t + kGroup <= width; t += kGroup) add_products<T, kGroup>(part, g, x + t, totals + t);
    for (; t + 2 <= width; t += 2) add_products<T, 2>(part, g, x + t, totals + t);
    for (; t < width; ++t) add_products<T, 1>(part, g, x + t, totals + t);
    T sum = T(S(0));
    each_vector<T>(part, [&](std::int64_t n, int some, auto whole) {
      sum = sum + take<T>(g + n, some, whole);
    });
    totals[width] += sum_of_lanes(sum);
  }
}

template <class S>
LONGTAIL_INLINE void clear(S* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = S(0);
}

/// Elements of a row as numbers.
template <class T, class E, class S>
LONGTAIL_INLINE void widen_row(const E* from, std::int64_t count, S* to) {
  each_vector<T>(count, [&](std::int64_t n, int some, auto whole) {
    put(to + n, take<T>(from + n, some, whole), some, whole);
  });
}

/// A block of x at `to`: the last P numbers of the block before, then its own; zeros behind.
template <class T, class E, class S>
void stage(const ShortConvRow<S>& row, std::int64_t begin, std::int64_t count, S* to) {
  const auto* u = static_cast<const E*>(row.u);
  const auto* state = static_cast<const E*>(row.state);
  const std::int64_t past = row.width - 1;
  const std::int64_t missing = begin < past ? past - begin : 0;  // of the row: in the state
  if (state) {
    widen_row<T>(state + past - missing, missing, to);
  } else {
    clear(to, missing);
  }
  widen_row<T>(u + begin - past + missing, past - missing + count, to + missing);
  clear(to + past + count, kLanes<T>);
}

/// A block of x, in the row itself where it is there as numbers.
template <class T, class E, class S>
const S* block_of(const ShortConvRow<S>& row, std::int64_t begin, std::int64_t count, S* to) {
  if constexpr (std::is_same_v<E, S>) {
    if (begin >= row.width - 1 && count == kBlockPoints) {
      return static_cast<const S*>(row.u) + begin - (row.width - 1);
    }
  }
  stage<T, E>(row, begin, count, to);
  return to;
}

template <class E, bool Silu, class S>
void forward_blocks(const ShortConvRow<S>& row, E* y) {
  using T = compute_t<E>;
  S memory[kStagedPoints];
  for (std::int64_t begin = 0; begin < row.length; begin += kBlockPoints) {
    const std::int64_t left = row.length - begin;
    const std::int64_t count = left < kBlockPoints ? left : kBlockPoints;
    const S* x = block_of<T, E>(row, begin, count, memory);
    convolve<T>(count, x, row.taps, row.width, row.bias,
                [&](std::int64_t n, int some, auto whole, T a) {
                  if constexpr (Silu) a = silu(a);
                  put(y + begin + n, a, some, whole);
                });
  }
}

template <class E, class S = scalar_t<compute_t<E>>>
void forward(const ShortConvRow<S>& row, void* y) {
  if (row.silu) {
    forward_blocks<E, true>(row, static_cast<E*>(y));
  } else {
    forward_blocks<E, false>(row, static_cast<E*>(y));
  }
}

/// Writes results [begin, begin + count) of the row that starts with the P numbers of dstate and
/// goes on with du.
template <class T, class E, class S>
void put_split(const S* from, std::int64_t begin, std::int64_t count, std::int64_t past, E* dstate,
               E* du) {
  std::int64_t first = begin < past ? past - begin : 0;
  first = first < count ? first : count;
  const auto copy = [](const S* source, std::int64_t size, E* to) {
    each_vector<T>(size, [&](std::int64_t n, int some, auto whole) {
      put(to + n, take<T>(source + n, some, whole), some, whole);
    });
  };
  if (dstate) copy(from, first, dstate + begin);
  copy(from + first, count - first, du + (begin + first - past));
}

template <class E, class S = scalar_t<compute_t<E>>>
void backward(const ShortConvRow<S>& row, const void* grad_data, void* du_data, void* dstate_data,
              double* totals) {
  using T = compute_t<E>;
  const auto* grad = static_cast<const E*>(grad_data);
  auto* du = static_cast<E*>(du_data);
  auto* dstate = static_cast<E*>(dstate_data);
  const std::int64_t past = row.width - 1;
  S memory[kStagedPoints], g[kStagedPoints], out[kStagedPoints], turned[kMostShortTaps];
  for (std::int64_t t = 0; t < row.width; ++t) turned[t] = row.taps[row.width - 1 - t];
  clear(g, past);
  for (std::int64_t begin = 0; begin < row.length; begin += kBlockPoints) {
    const std::int64_t left = row.length - begin;
    const std::int64_t count = left < kBlockPoints ? left : kBlockPoints;
    const S* x = block_of<T, E>(row, begin, count, memory);
    S* own = g + past;  // gradients of a in this block, behind those before
    widen_row<T>(grad + begin, count, own);
    if (row.silu) {
      convolve<T>(count, x, row.taps, row.width, row.bias,
                  [&](std::int64_t n, int some, auto whole, T a) {
                    put(own + n, T(take<T>(own + n, some, whole) * silu_slope(a)), some, whole);
                  });
    }
    add_totals<T>(count, row.width, own, x, totals);
    const bool last = count == left;
    clear(own + count, (last ? past : 0) + kLanes<T>);
    const std::int64_t results = count + (last ? past : 0);
    convolve<T>(results, g, turned, row.width, S(0),
                [&](std::int64_t n, int some, auto whole, T a) { put(out + n, a, some, whole); });
    put_split<T>(out, begin, results, past, dstate, du);
    for (std::int64_t i = 0; i < past; ++i) g[i] = g[count + i];
  }
}

template <class E, class S>
constexpr ShortConvKernels<S> kernels() {
  return {forward<E>, forward_steps<E>, backward<E>};
}

}  // namespace

extern const AllShortConvKernels kShortConvKernels;
const AllShortConvKernels kShortConvKernels = {
    kernels<double, double>(),
    {kernels<float, float>(), kernels<float16, float>(), kernels<bfloat16, float>()}};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
