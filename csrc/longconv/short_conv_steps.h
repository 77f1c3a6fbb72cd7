#pragma once
// One result of each of many rows: the rows are the lanes, so that each keeps the order of its sum.

#include "longconv/row_vectors.h"
#include "longconv/short_conv_math.h"
#include "longconv/transpose.h"

// After what opens the level's namespace.
#include "longconv/short_conv.h"
#include "longconv/short_conv_level.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

/// Columns that are made at once: as many numbers of a row as 128 bits hold, so that rows are
/// transposed inside of those.
template <class T>
inline constexpr int kColumns = kLanes<T> == 1 ? 1 : 16 / static_cast<int>(sizeof(scalar_t<T>));

/// 128 bits of rows 0, n, 2 n, ... side by side; n numbers fill them.
template <class S, int N>
LONGTAIL_INLINE lanes::raw<S, N> spaced_rows(const S* rows, std::int64_t stride) {
  constexpr int n = 16 / static_cast<int>(sizeof(S));
  if constexpr (N == n) {
    lanes::raw<S, N> result;
    __builtin_memcpy(&result, rows, sizeof(result));
    return result;
  } else {
    const auto a = spaced_rows<S, N / 2>(rows, stride);
    const auto b = spaced_rows<S, N / 2>(rows + N / 2 * stride, stride);
    return [&]<int... I>(std::integer_sequence<int, I...>) {
      return lanes::raw<S, N>(__builtin_shufflevector(a, b, I...));
    }(std::make_integer_sequence<int, N>());
  }
}

/// Lane i of columns[j] is rows[i * stride + j].
template <class S, int N>
LONGTAIL_INLINE void load_columns(const S* rows, std::int64_t stride,
                                  Vec<S, N> (&columns)[kColumns<Vec<S, N>>]) {
  for (int i = 0; i < kColumns<Vec<S, N>>; ++i) {
    columns[i] = spaced_rows<S, N>(rows + i * stride, stride);
  }
  transpose_inside(columns);
}
template <Scalar S>
LONGTAIL_INLINE void load_columns(const S* rows, std::int64_t, S (&columns)[1]) {
  columns[0] = rows[0];
}

/// kStepRows rows, and what reading whole columns takes behind the last.
template <class S>
struct StepRows {
  S numbers[kStepRows * kMostShortTaps + 16 / sizeof(S)];
};

/// Rows that may be read as columns: in place if there are kStepRows and as much behind them as a
/// column more takes, else a copy with zeros behind.
template <class T, class E, class S>
LONGTAIL_INLINE const S* as_columns(const E* rows, std::int64_t count, std::int64_t width,
                                    std::int64_t behind, StepRows<S>& copy) {
  if constexpr (std::is_same_v<E, S>) {
    if (count == kStepRows && behind >= kColumns<T> - 1) return rows;
  }
  each_vector<T>(count * width, [&](std::int64_t n, int some, auto whole) {
    put(copy.numbers + n, take<T>(rows + n, some, whole), some, whole);
  });
  const std::int64_t end = kStepRows * width + kColumns<T>;
  for (std::int64_t n = count * width; n < end; ++n) copy.numbers[n] = S(0);
  return copy.numbers;
}

/// Taps of kStepRows heads as lanes, tap after tap.
template <class T, class S>
void turn_taps(const S* taps, std::int64_t width, S* to) {
  for (std::int64_t t = 0; t < width; t += kColumns<T>) {
    for (std::int64_t i = 0; i < kStepRows; i += kLanes<T>) {
      T columns[kColumns<T>];
      load_columns(taps + i * width + t, width, columns);
      for (int j = 0; j < kColumns<T> && t + j < width; ++j) {
        store(to + (t + j) * kStepRows + i, columns[j]);
      }
    }
  }
}

/// sum + taps of the past times columns of `past` numbers.
template <class T, class S>
LONGTAIL_INLINE T add_past(T sum, const S* taps, const S* rows, std::int64_t past) {
  for (std::int64_t t = 0; t < past; t += kColumns<T>) {
    T columns[kColumns<T>];
    load_columns(rows + t, past, columns);
#pragma GCC unroll 4
    for (int j = 0; j < kColumns<T>; ++j) {
      if (t + j < past) sum = fma(load<T>(taps + (t + j) * kStepRows), columns[j], sum);
    }
  }
  return sum;
}

/// next = state and u behind it, without the first, for rows one behind the other: all of them are
/// moved at once, and then the ends are put right.
template <class E>
void move_states(const E* state, const E* u, std::int64_t rows, std::int64_t past, E* next) {
  if (past == 0) return;
  __builtin_memcpy(next, state + 1, (rows * past - 1) * sizeof(E));
  for (std::int64_t r = 0; r < rows; ++r) next[(r + 1) * past - 1] = u[r];
}

template <class E, class S = scalar_t<compute_t<E>>>
void forward_steps(const ShortConvSteps<S>& steps, std::int64_t begin, std::int64_t end,
                   void* y_data, void* next_data) {
  using T = compute_t<E>;
  const auto* u = static_cast<const E*>(steps.u);
  const auto* state = static_cast<const E*>(steps.state);
  auto* y = static_cast<E*>(y_data);
  auto* next = static_cast<E*>(next_data);
  const std::int64_t width = steps.width, past = width - 1, rows = steps.batch * steps.heads;
  StepRows<S> turned, copy;
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t head = item / steps.batch * kStepRows, b = item % steps.batch;
    const std::int64_t left = steps.heads - head, count = left < kStepRows ? left : kStepRows;
    if (b == 0 || item == begin) {
      const std::int64_t behind = (left - count) * width;
      const S* taps = as_columns<T>(steps.taps + head * width, count, width, behind, copy);
      turn_taps<T>(taps, width, turned.numbers);
    }
    const std::int64_t r = b * steps.heads + head, behind = (rows - r - count) * past;
    const S* before =
        as_columns<T>(state + (state ? r * past : 0), state ? count : 0, past, behind, copy);
    each_vector<T>(count, [&](std::int64_t i, int some, auto whole) {
      const S* taps = turned.numbers + i;
      T sum = take<T>(steps.bias + head + i, some, whole);
      sum = add_past(sum, taps, before + i * past, past);
      sum = fma(load<T>(taps + past * kStepRows), take<T>(u + r + i, some, whole), sum);
      put(y + r + i, steps.silu ? silu(sum) : sum, some, whole);
    });
    if (next) move_states(state + r * past, u + r, count, past, next + r * past);
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
